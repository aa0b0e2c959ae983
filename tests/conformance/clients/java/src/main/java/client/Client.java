package client;

import com.google.rpc.ErrorInfo;
import fairlead.v1.JobOuterClass.JobSpec;
import fairlead.v1.RoutingServiceGrpc;
import fairlead.v1.RoutingServiceOuterClass.AcceptOfferRequest;
import fairlead.v1.RoutingServiceOuterClass.AcceptOfferResponse;
import fairlead.v1.RoutingServiceOuterClass.AssignRequest;
import fairlead.v1.RoutingServiceOuterClass.AssignResponse;
import fairlead.v1.RoutingServiceOuterClass.CompleteJobRequest;
import fairlead.v1.RoutingServiceOuterClass.CompleteJobResponse;
import fairlead.v1.RoutingServiceOuterClass.Event;
import fairlead.v1.RoutingServiceOuterClass.GetJobRequest;
import fairlead.v1.RoutingServiceOuterClass.WatchEventsRequest;
import fairlead.v1.RoutingServiceOuterClass.WatchEventsResponse;
import io.grpc.Context;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/** Usage: client HOST:PORT TENANT. */
public final class Client {
  private final RoutingServiceGrpc.RoutingServiceBlockingStub routing;
  private final String tenant;

  private Client(ManagedChannel channel, String tenant) {
    this.routing = RoutingServiceGrpc.newBlockingStub(channel);
    this.tenant = tenant;
  }

  public static void main(String[] arguments) throws Exception {
    ManagedChannel channel =
        Grpc.newChannelBuilder(arguments[0], InsecureChannelCredentials.create()).build();
    System.out.println(new Client(channel, arguments[1]).play());
    channel.shutdownNow().awaitTermination(20, TimeUnit.SECONDS);
  }

  private RoutingServiceGrpc.RoutingServiceBlockingStub soon() {
    return routing.withDeadlineAfter(20, TimeUnit.SECONDS);
  }

  private String play() throws Exception {
    List<String> words = new ArrayList<>();
    Context.CancellableContext watching = Context.current().withCancellation();
    Context previous = watching.attach();
    Iterator<WatchEventsResponse> watch =
        routing.watchEvents(WatchEventsRequest.newBuilder().setTenant(tenant).build());
    watching.detach(previous);
    check(watch.next().getEventsCount() == 0, "the watch did not begin with the present");

    JobSpec job = JobSpec.newBuilder().setId("j1").setQueue("support").build();
    AssignResponse offer =
        soon().assign(AssignRequest.newBuilder().setTenant(tenant).setJob(job).build());
    AcceptOfferResponse accepted =
        soon()
            .acceptOffer(
                AcceptOfferRequest.newBuilder()
                    .setTenant(tenant)
                    .setJobId("j1")
                    .setVersion(offer.getVersion())
                    .build());
    CompleteJobResponse completed =
        soon()
            .completeJob(
                CompleteJobRequest.newBuilder()
                    .setTenant(tenant)
                    .setJobId("j1")
                    .setVersion(accepted.getVersion())
                    .build());

    while (!words.contains("COMPLETED")) {
      for (Event event : watch.next().getEventsList()) {
        words.add(event.getKind().name().replace("EVENT_KIND_", ""));
      }
    }
    watching.cancel(null);

    words.addAll(List.of("|", offer.getOutcome().name(), offer.getAgentId()));
    words.add(accepted.getState().name().replace("JOB_STATE_", ""));
    words.add(completed.getState().name().replace("JOB_STATE_", ""));
    try {
      soon().getJob(GetJobRequest.newBuilder().setTenant(tenant).setJobId("none").build());
      throw new IllegalStateException("a job that does not exist was found");
    } catch (StatusRuntimeException refused) {
      ErrorInfo info = StatusProto.fromThrowable(refused).getDetails(0).unpack(ErrorInfo.class);
      words.addAll(List.of("|", refused.getStatus().getCode().name(), info.getDomain()));
    }
    busy();
    words.addAll(List.of("|", "busy"));
    return String.join(" ", words);
  }

  /** 50 calls at a time for four seconds. */
  private void busy() throws Exception {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(4);
    GetJobRequest request = GetJobRequest.newBuilder().setTenant(tenant).setJobId("j1").build();
    ExecutorService pool = Executors.newFixedThreadPool(50);
    List<Future<?>> workers = new ArrayList<>();
    for (int number = 0; number < 50; number++) {
      workers.add(
          pool.submit(
              () -> {
                while (System.nanoTime() < end) {
                  soon().getJob(request);
                }
              }));
    }
    for (Future<?> worker : workers) {
      worker.get();
    }
    pool.shutdown();
  }

  private static void check(boolean holds, String message) {
    if (!holds) {
      throw new IllegalStateException(message);
    }
  }
}
