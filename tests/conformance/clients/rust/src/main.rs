//! Usage: client HOST:PORT TENANT

use std::error::Error;
use std::time::{Duration, Instant};

use tonic::{Code, Request};

mod pb {
    tonic::include_proto!("fairlead.v1");
}

use pb::routing_service_client::RoutingServiceClient;
use pb::{AcceptOfferRequest, AssignRequest, CompleteJobRequest, EventKind, GetJobRequest, JobSpec, WatchEventsRequest};

fn short<'a>(name: &'a str, prefix: &str) -> &'a str {
    name.strip_prefix(prefix).unwrap_or(name)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let tenant = arguments[2].clone();
    let mut routing = RoutingServiceClient::connect(format!("http://{}", arguments[1])).await?;

    let request = WatchEventsRequest { tenant: tenant.clone(), ..Default::default() };
    let mut watch = routing.watch_events(request).await?.into_inner();
    let first = watch.message().await?.ok_or("the watch ended")?;
    assert!(first.events.is_empty(), "the watch began with {first:?}");

    let job = JobSpec { id: "j1".into(), queue: "support".into(), ..Default::default() };
    let request = AssignRequest { tenant: tenant.clone(), job: Some(job), ..Default::default() };
    let offer = routing.assign(request).await?.into_inner();
    let request = AcceptOfferRequest {
        tenant: tenant.clone(),
        job_id: "j1".into(),
        version: offer.version,
        ..Default::default()
    };
    let accepted = routing.accept_offer(request).await?.into_inner();
    let request = CompleteJobRequest {
        tenant: tenant.clone(),
        job_id: "j1".into(),
        version: accepted.version,
        ..Default::default()
    };
    let completed = routing.complete_job(request).await?.into_inner();

    let mut kinds: Vec<EventKind> = Vec::new();
    while kinds.last() != Some(&EventKind::Completed) {
        let message = watch.message().await?.ok_or("the watch ended")?;
        kinds.extend(message.events.iter().map(|event| event.kind()));
    }
    drop(watch);

    let request = Request::new(GetJobRequest { tenant: tenant.clone(), job_id: "none".into() });
    let refused = routing.get_job(request).await.expect_err("a job that does not exist was found");
    assert_eq!(refused.code(), Code::NotFound);
    assert!(refused.details().windows(8).any(|part| part == b"fairlead"), "no details in {refused:?}");

    let end = Instant::now() + Duration::from_secs(4);
    let busy = (0..50).map(|_| {
        let (mut routing, tenant) = (routing.clone(), tenant.clone());
        tokio::spawn(async move {
            while Instant::now() < end {
                let request = GetJobRequest { tenant: tenant.clone(), job_id: "j1".into() };
                routing.get_job(request).await.expect("a call of many is answered");
            }
        })
    });
    for task in busy.collect::<Vec<_>>() {
        task.await?;
    }

    let words: Vec<&str> = kinds.iter().map(|kind| short(kind.as_str_name(), "EVENT_KIND_")).collect();
    println!(
        "{} | {} {} {} {} | NOT_FOUND fairlead | busy",
        words.join(" "),
        offer.outcome().as_str_name(),
        offer.agent_id,
        short(accepted.state().as_str_name(), "JOB_STATE_"),
        short(completed.state().as_str_name(), "JOB_STATE_"),
    );
    Ok(())
}
