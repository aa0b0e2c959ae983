//! Generates the server of the contract from its descriptor set, so that no protoc is needed here.

use prost::Message;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::var("PEER_DESCRIPTORS")?;
    println!("cargo:rerun-if-env-changed=PEER_DESCRIPTORS");
    println!("cargo:rerun-if-changed={path}");
    let descriptors = prost_types::FileDescriptorSet::decode(&*std::fs::read(path)?)?;
    // What the peer does not serve answers UNIMPLEMENTED.
    let builder = tonic_prost_build::configure().build_client(false).generate_default_stubs(true);
    builder.compile_fds(descriptors)?;
    Ok(())
}
