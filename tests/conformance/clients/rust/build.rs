fn main() -> std::io::Result<()> {
    let folder = std::env::var("FAIRLEAD_PROTO").expect("FAIRLEAD_PROTO names the folder of the contract");
    let file = format!("{folder}/fairlead/v1/routing_service.proto");
    tonic_prost_build::configure().build_server(false).compile_protos(&[file], &[folder])
}
