// The peer in Go: grpc-go, one mutex, maps and heaps in memory. It serves Assign and CompleteJob of fairlead's contract, for jobs
// that demand one skill; everything else of the contract it refuses.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "peer/v1"
)

type service struct {
	pb.UnimplementedRoutingServiceServer
	roster *roster
}

func (s *service) Assign(_ context.Context, request *pb.AssignRequest) (*pb.AssignResponse, error) {
	job := request.GetJob()
	if job.GetId() == "" || len(job.GetSkills()) != 1 || !request.GetImmediateOnly() {
		return nil, status.Error(codes.InvalidArgument, "this peer takes a job with an id and one skill, and keeps no backlog")
	}
	chosen, version, known, err := s.roster.assign(job.GetId(), job.GetSkills()[0].GetName())
	if err != nil {
		return nil, status.Error(codes.AlreadyExists, err.Error())
	}
	response := &pb.AssignResponse{JobId: job.GetId()}
	if chosen == nil {
		response.Outcome = pb.Outcome_OUTCOME_REFUSED
		response.Reason = pb.Reason_REASON_ALL_BUSY
		if !known {
			response.Reason = pb.Reason_REASON_NONE_ELIGIBLE
		}
		return response, nil
	}
	response.Outcome = pb.Outcome_OUTCOME_ASSIGNED
	response.AgentId = chosen.id
	response.Version = version
	response.Queue = "default"
	return response, nil
}

func (s *service) CompleteJob(_ context.Context, request *pb.CompleteJobRequest) (*pb.CompleteJobResponse, error) {
	err := s.roster.complete(request.GetJobId(), request.GetVersion())
	switch {
	case errors.Is(err, errUnknown):
		return nil, status.Error(codes.NotFound, err.Error())
	case err != nil:
		return nil, status.Error(codes.FailedPrecondition, err.Error())
	}
	return &pb.CompleteJobResponse{JobId: request.GetJobId(), State: pb.JobState_JOB_STATE_COMPLETED}, nil
}

func serve(address, agents string) error {
	roster, err := readRoster(agents)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	server := grpc.NewServer(
		// A worker that is reused needs no new stack for each call.
		grpc.NumStreamWorkers(1),
		grpc.InitialWindowSize(1<<20),
		grpc.InitialConnWindowSize(1<<24),
		grpc.WriteBufferSize(64<<10),
		grpc.ReadBufferSize(64<<10),
	)
	pb.RegisterRoutingServiceServer(server, &service{roster: roster})
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-stop
		server.Stop()
	}()
	return server.Serve(listener)
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: peer HOST:PORT AGENTS_FILE")
		os.Exit(2)
	}
	if err := serve(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
