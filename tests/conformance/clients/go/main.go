// Usage: client HOST:PORT TENANT
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	pb "client/fairleadv1"
)

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func main() {
	address, tenant := os.Args[1], os.Args[2]
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	connection := must(grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials())))
	defer connection.Close()
	routing := pb.NewRoutingServiceClient(connection)

	watching, leave := context.WithCancel(ctx)
	watch := must(routing.WatchEvents(watching, &pb.WatchEventsRequest{Tenant: tenant}))
	if first := must(watch.Recv()); len(first.Events) != 0 {
		log.Fatalf("the watch began with %v", first)
	}

	job := &pb.JobSpec{Id: "j1", Queue: "support"}
	offer := must(routing.Assign(ctx, &pb.AssignRequest{Tenant: tenant, Job: job}))
	accepted := must(routing.AcceptOffer(ctx, &pb.AcceptOfferRequest{Tenant: tenant, JobId: "j1", Version: offer.Version}))
	completed := must(routing.CompleteJob(ctx, &pb.CompleteJobRequest{Tenant: tenant, JobId: "j1", Version: accepted.Version}))

	var words []string
	for !slices.Contains(words, "COMPLETED") {
		for _, event := range must(watch.Recv()).Events {
			words = append(words, strings.TrimPrefix(event.Kind.String(), "EVENT_KIND_"))
		}
	}
	leave()
	if _, err := watch.Recv(); err == nil {
		log.Fatal("the watch went on after it was left")
	}

	words = append(words, "|", offer.Outcome.String(), offer.AgentId)
	for _, state := range []pb.JobState{accepted.State, completed.State} {
		words = append(words, strings.TrimPrefix(state.String(), "JOB_STATE_"))
	}
	_, err := routing.GetJob(ctx, &pb.GetJobRequest{Tenant: tenant, JobId: "none"})
	refused := status.Convert(err)
	info, isInfo := refused.Details()[0].(*errdetails.ErrorInfo)
	if !isInfo {
		log.Fatalf("no ErrorInfo in %v", refused)
	}
	code := map[bool]string{true: "NOT_FOUND", false: refused.Code().String()}[refused.Code().String() == "NotFound"]
	busy(func() error {
		_, err := routing.GetJob(ctx, &pb.GetJobRequest{Tenant: tenant, JobId: "j1"})
		return err
	})
	fmt.Println(strings.Join(append(words, "|", code, info.Domain, "|", "busy"), " "))
}

// busy makes 50 calls at a time for four seconds.
func busy(call func() error) {
	var group sync.WaitGroup
	end := time.Now().Add(4 * time.Second)
	for range 50 {
		group.Add(1)
		go func() {
			defer group.Done()
			for time.Now().Before(end) {
				if err := call(); err != nil {
					log.Fatal(err)
				}
			}
		}()
	}
	group.Wait()
}
