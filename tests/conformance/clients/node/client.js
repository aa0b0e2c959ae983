// Usage: node client.js HOST:PORT TENANT PROTO_FOLDER
"use strict";

const assert = require("node:assert/strict");
const grpc = require("@grpc/grpc-js");
const loader = require("@grpc/proto-loader");

const [address, tenant, folder] = process.argv.slice(2);
const definition = loader.loadSync("fairlead/v1/routing_service.proto", {
  includeDirs: [folder],
  longs: String,
  enums: String,
  defaults: true,
});
const { RoutingService } = grpc.loadPackageDefinition(definition).fairlead.v1;
const routing = new RoutingService(address, grpc.credentials.createInsecure());

function call(method, request) {
  return new Promise((resolve, reject) => {
    routing[method]({ tenant, ...request }, { deadline: Date.now() + 20_000 }, (error, answer) =>
      error ? reject(error) : resolve(answer),
    );
  });
}

async function main() {
  const watch = routing.watchEvents({ tenant });
  const messages = watch[Symbol.asyncIterator]();
  assert.deepEqual((await messages.next()).value.events, []);

  const offer = await call("assign", { job: { id: "j1", queue: "support" } });
  const accepted = await call("acceptOffer", { jobId: "j1", version: offer.version });
  const completed = await call("completeJob", { jobId: "j1", version: accepted.version });

  const kinds = [];
  while (!kinds.includes("COMPLETED")) {
    const { value } = await messages.next();
    kinds.push(...value.events.map((event) => event.kind.replace("EVENT_KIND_", "")));
  }
  watch.on("error", (error) => assert.equal(error.code, grpc.status.CANCELLED));
  watch.cancel();

  const refused = await call("getJob", { jobId: "none" }).then(
    () => assert.fail("a job that does not exist was found"),
    (error) => error,
  );
  const [details] = refused.metadata.get("grpc-status-details-bin");
  assert.ok(details.includes("fairlead"));

  const end = Date.now() + 4_000;
  const busy = async () => {
    while (Date.now() < end) await call("getJob", { jobId: "j1" });
  };
  await Promise.all(Array.from({ length: 50 }, busy));

  const states = [accepted, completed].map((answer) => answer.state.replace("JOB_STATE_", ""));
  const words = [...kinds, "|", offer.outcome, offer.agentId, ...states, "|", grpc.status[refused.code], "fairlead"];
  words.push("|", "busy");
  console.log(words.join(" "));
  routing.close();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
