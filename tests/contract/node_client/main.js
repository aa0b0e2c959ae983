// A stock client: @grpc/grpc-js with the .proto files as they are. Usage: node main.js ADDRESS PROTO_FOLDER TENANT
// Plays the life of a few jobs, checks each answer, prints one JSON object. Exits with 1 at the first wrong one.
"use strict";

const assert = require("node:assert/strict");
const path = require("node:path");
const grpc = require("@grpc/grpc-js");
const loader = require("@grpc/proto-loader");

const [address, folder, tenant] = process.argv.slice(2);
const files = ["routing_service", "agent_service", "policy_service", "admin_service"];
const definition = loader.loadSync(
  files.map((name) => path.join(folder, `fairlead/v1/${name}.proto`)),
  { includeDirs: [folder], keepCase: true, longs: Number, enums: String, defaults: true, oneofs: true },
);
const api = grpc.loadPackageDefinition(definition).fairlead.v1;
const credentials = grpc.credentials.createInsecure();
const routing = new api.RoutingService(address, credentials);
const agents = new api.AgentService(address, credentials);
const policies = new api.PolicyService(address, credentials);
const admin = new api.AdminService(address, credentials);

function call(service, method, request) {
  const options = { deadline: Date.now() + 20_000 };
  return new Promise((resolve, reject) => {
    service[method]({ tenant, ...request }, new grpc.Metadata(), options, (error, answer) =>
      error ? reject(error) : resolve(answer),
    );
  });
}

async function refused(code, promise) {
  const error = await promise.then(
    () => assert.fail("the call was not refused"),
    (failure) => failure,
  );
  assert.equal(error.code, code, error.message);
  const [details] = error.metadata.get("grpc-status-details-bin");
  assert.ok(Buffer.isBuffer(details) && details.includes("fairlead"), "no status details");
  return error;
}

async function main() {
  const policy = { queues: [{ id: "support", strategy: "weighted" }], tiers: [{ id: "vip", head_start: { seconds: 90 } }] };
  const stored = await call(policies, "UpdatePolicy", { policy, author: "node" });
  assert.equal(stored.policy.version, 1);
  assert.equal(stored.policy.tiers[0].head_start.seconds, 90);

  for (const [id, weight] of [["ann", 21], ["bob", 20]]) {
    const agent = { id, weight, capacity: 50, presence: "PRESENCE_ONLINE", skills: [{ name: "de", level: 7 }] };
    const created = await call(agents, "CreateAgent", { agent });
    assert.equal(created.agent.presence, "PRESENCE_ONLINE");
  }

  const counts = { ann: 0, bob: 0 };
  for (let number = 0; number < 41; number += 1) {
    const job = { id: `j${number}`, skills: [{ name: "de", min_level: 5 }], labels: { from: "node" } };
    const answer = await call(routing, "Assign", { job });
    assert.equal(answer.outcome, "OUTCOME_ASSIGNED");
    counts[answer.agent_id] += 1;
  }
  assert.deepEqual(counts, { ann: 21, bob: 20 });

  const again = await call(routing, "Assign", {
    job: { id: "j0", skills: [{ name: "de", min_level: 5 }], labels: { from: "node" } },
  });
  assert.equal(again.repeated, true);

  const done = await call(routing, "CompleteJob", { job_id: "j0", version: again.version, satisfaction: 1000 });
  assert.equal(done.state, "JOB_STATE_COMPLETED");
  const { job } = await call(routing, "GetJob", { job_id: "j0" });
  assert.equal(job.state, "JOB_STATE_COMPLETED");
  assert.ok(job.end_time.seconds > 1_700_000_000);

  await refused(grpc.status.NOT_FOUND, call(routing, "GetJob", { job_id: "ünknown" }));
  await refused(grpc.status.ALREADY_EXISTS, call(routing, "Assign", { job: { id: "j0" } }));
  await refused(grpc.status.FAILED_PRECONDITION, call(routing, "CompleteJob", { job_id: "j1", version: 9 }));
  const invalid = await refused(grpc.status.INVALID_ARGUMENT, call(routing, "Assign", { job: { id: "x", urgency: 10 } }));
  assert.match(invalid.details, /urgency/);

  let listed = 0;
  let page_token = "";
  do {
    const page = await call(routing, "ListJobs", { page_size: 10, page_token });
    listed += page.jobs.length;
    page_token = page.next_page_token;
  } while (page_token);
  assert.equal(listed, 41);

  const batch = await call(routing, "BatchAssign", { jobs: [{ id: "b1" }, { id: "b2", queue: "none" }] });
  assert.deepEqual(batch.results.map((result) => result.code), [0, grpc.status.NOT_FOUND]);

  const beat = await call(agents, "Heartbeat", { agent_ids: ["nobody"] });
  assert.deepEqual(beat.rejected_agent_ids, ["nobody"]);

  const status = await call(admin, "GetStatus", { verify: true });
  assert.deepEqual(status.tenants[0].violations, []);
  console.log(JSON.stringify({ counts, listed, assigned: status.tenants[0].assigned_jobs }));
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
