//! The peer in Rust: tonic, one mutex, maps and heaps in memory. It serves Assign and CompleteJob of fairlead's contract, for jobs
//! that demand one skill; everything else of the contract it refuses.

mod roster;

#[allow(clippy::all)]
mod pb {
    tonic::include_proto!("fairlead.v1");
}

use pb::routing_service_server::{RoutingService, RoutingServiceServer};
use roster::{Assigned, Completed, Roster};
use std::sync::Mutex;
use tonic::{Request, Response, Status};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Peer {
    roster: Mutex<Roster>,
}

impl Peer {
    fn roster(&self) -> std::sync::MutexGuard<'_, Roster> {
        self.roster.lock().expect("a panic ends the process")
    }
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl RoutingService for Peer {
    async fn assign(&self, request: Request<pb::AssignRequest>) -> Answer<pb::AssignResponse> {
        let request = request.into_inner();
        let job = match request.job {
            Some(job) if !job.id.is_empty() && job.skills.len() == 1 && request.immediate_only => job,
            _ => {
                let message = "this peer takes a job with an id and one skill, and keeps no backlog";
                return Err(Status::invalid_argument(message));
            }
        };
        let outcome = self.roster().assign(job.id.clone(), &job.skills[0].name);
        let mut response = pb::AssignResponse { job_id: job.id, ..Default::default() };
        match outcome {
            Assigned::To { agent, version } => {
                response.set_outcome(pb::Outcome::Assigned);
                response.agent_id = agent;
                response.version = version;
                response.queue = "default".to_owned();
            }
            Assigned::AllBusy => {
                response.set_outcome(pb::Outcome::Refused);
                response.set_reason(pb::Reason::AllBusy);
            }
            Assigned::NoneEligible => {
                response.set_outcome(pb::Outcome::Refused);
                response.set_reason(pb::Reason::NoneEligible);
            }
            Assigned::Duplicate => return Err(Status::already_exists("the job is held already")),
        }
        Ok(Response::new(response))
    }

    async fn complete_job(&self, request: Request<pb::CompleteJobRequest>) -> Answer<pb::CompleteJobResponse> {
        let request = request.into_inner();
        match self.roster().complete(&request.job_id, request.version) {
            Completed::Yes => {}
            Completed::Unknown => return Err(Status::not_found("nobody holds the job")),
            Completed::Stale => return Err(Status::failed_precondition("the version is not that of the assignment")),
        }
        let state = pb::JobState::Completed.into();
        Ok(Response::new(pb::CompleteJobResponse { job_id: request.job_id, state, ..Default::default() }))
    }
}

/// One core, so one thread: no task ever moves between caches.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, address, agents] = &arguments[..] else {
        return Err("usage: peer HOST:PORT AGENTS_FILE".into());
    };
    let peer = Peer { roster: Mutex::new(Roster::read(agents)?) };
    let mut stop = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    let server = tonic::transport::Server::builder()
        .tcp_nodelay(true)
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(1 << 24)
        .add_service(RoutingServiceServer::new(peer))
        .serve(address.parse()?);
    tokio::select! {
        ended = server => ended?,
        _ = stop.recv() => {}
    }
    Ok(())
}
