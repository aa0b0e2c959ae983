/* See load.h.

   load TARGET CONNECTIONS PLACES HOLD AGENTS CAPACITY SKILLS WARM_UP SECONDS RATE
       Prints "begin" when what is measured begins, "end" when it ends, then, with all jobs completed, one JSON object.
       With RATE above 0 an open loop: jobs are due at fixed times, and a late one counts from when it was due.
   check TARGET
       Reads "assign JOB SKILL" and "complete JOB", answers each with a number: the agent's, or REFUSED or FAILED of load.h.
   The agents are there already: each peer is filled in its own way. */

#define _GNU_SOURCE
#include "load.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ASSIGN, COMPLETE, MAX_CONNECTIONS = 1024, DRAIN_SECONDS = 20 };

struct held {
    uint64_t job;
    uint32_t agent;
};

struct place {
    uint64_t job;
    int64_t intended;
    struct connection *connection;
    int kind;
};

static struct {
    struct connection connections[MAX_CONNECTIONS];
    struct place *places;
    uint32_t connection_count, place_count, busy;
    uint32_t *idle, idle_count;
    struct held *held;
    uint32_t held_room, held_first, held_count, hold;
    uint32_t *jobs_of_agent, agents, capacity, skills;
    uint64_t next_job, assigned, refused, failed, over_capacity, began;
    uint64_t counts[BUCKETS], count;
    int64_t longest, now, start;
    double rate;
    bool stopping, checking;
    int64_t checked;        /* the last answer while checking */
} load;

static char prefix[16];

void fail(const char *what, const char *detail)
{
    fprintf(stderr, "%s: %s\n", what, detail);
    exit(1);
}

static int64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

void job_id(uint64_t job, char text[JOB_SIZE])
{
    snprintf(text, JOB_SIZE, "%s%llu", prefix, (unsigned long long)job);
}

/* 64 buckets for every doubling: within 1.6 % of the value, as fairlead's generator counts. */
static uint32_t bucket_of(int64_t value)
{
    uint32_t shift = 0;
    if (value < 0)
        return 0;
    for (; value >= 128; shift++)
        value >>= 1;
    uint32_t bucket = (uint32_t)value + shift * 64;
    return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

static int64_t bucket_value(uint32_t bucket)
{
    if (bucket < 128)
        return bucket;
    uint32_t shift = bucket / 64 - 1;
    return (((int64_t)bucket - shift * 64 + 1) << shift) - 1;
}

static void record(int64_t value)
{
    load.counts[bucket_of(value)]++;
    load.count++;
    if (value > load.longest)
        load.longest = value;
}

static double percentile(double share)
{
    uint64_t seen = 0;
    for (uint32_t bucket = 0; bucket < BUCKETS; bucket++) {
        seen += load.counts[bucket];
        if (seen && seen >= share * load.count)
            return bucket_value(bucket) / 1e3;
    }
    return 0;
}

/* ---- calls */

static void begin(struct place *place, int kind, int64_t intended)
{
    struct connection *connection = place->connection;
    char job[JOB_SIZE];
    place->kind = kind;
    place->intended = intended;
    job_id(place->job, job);
    connection->places[(connection->first + connection->waiting++) % load.place_count] = (uint32_t)(place - load.places);
    load.busy++;
    if (kind == ASSIGN)
        driver_assign(connection, job, (uint32_t)(place->job % load.skills));
    else
        driver_complete(connection, job);
}

static void assign_next(struct place *place, int64_t intended)
{
    place->job = load.next_job++;
    begin(place, ASSIGN, intended);
}

static void keep(struct place *place, uint32_t agent)
{
    if (agent >= load.agents)
        fail("the peer answered with an agent nobody created", "its number is too large");
    struct held *held = &load.held[(load.held_first + load.held_count++) % load.held_room];
    held->job = place->job;
    held->agent = agent;
    load.assigned++;
    if (++load.jobs_of_agent[agent] > load.capacity)
        load.over_capacity++;
}

static void complete_oldest(struct place *place)
{
    struct held *held = &load.held[load.held_first];
    load.held_first = (load.held_first + 1) % load.held_room;
    load.held_count--;
    load.jobs_of_agent[held->agent]--;
    place->job = held->job;
    begin(place, COMPLETE, load.now);
}

static void go_on(struct place *place)
{
    if (load.stopping && load.held_count)
        complete_oldest(place);
    else if (load.stopping || load.rate > 0)
        load.idle[load.idle_count++] = (uint32_t)(place - load.places);
    else
        assign_next(place, load.now);
}

void answered(struct connection *connection, int64_t agent)
{
    struct place *place = &load.places[connection->places[connection->first]];
    connection->first = (connection->first + 1) % load.place_count;
    connection->waiting--;
    load.busy--;
    if (load.checking) {
        load.checked = agent;
        return;
    }
    if (agent == FAILED)
        load.failed++;
    if (place->kind == ASSIGN) {
        record(load.now - place->intended);
        if (agent >= 0)
            keep(place, (uint32_t)agent);
        else if (agent == REFUSED)
            load.refused++;
        /* Beyond what is held the oldest goes; a refusal says that room is missing. */
        if (load.held_count && (agent < 0 || load.held_count > load.hold)) {
            complete_oldest(place);
            return;
        }
    }
    go_on(place);
}

static void begin_due(void)
{
    if (load.stopping) {
        while (load.idle_count && load.held_count)
            complete_oldest(&load.places[load.idle[--load.idle_count]]);
        return;
    }
    if (load.rate <= 0)
        return;
    uint64_t due = (uint64_t)((load.now - load.start) * load.rate / 1e9);
    while (load.idle_count && load.began < due) {
        int64_t intended = load.start + (int64_t)(load.began++ * 1e9 / load.rate);
        assign_next(&load.places[load.idle[--load.idle_count]], intended);
    }
}

/* ---- the loop */

static void turn(int timeout_ms)
{
    struct pollfd ready[MAX_CONNECTIONS];
    for (uint32_t i = 0; i < load.connection_count; i++) {
        ready[i].fd = load.connections[i].fd;
        ready[i].events = POLLIN;
        if (driver_write(&load.connections[i]))
            ready[i].events |= POLLOUT;
    }
    poll(ready, load.connection_count, timeout_ms);
    load.now = clock_ns();
    for (uint32_t i = 0; i < load.connection_count; i++)
        if (ready[i].revents & ~POLLOUT)
            driver_read(&load.connections[i]);
    begin_due();
}

static void run(double seconds)
{
    int64_t until = clock_ns() + (int64_t)(seconds * 1e9);
    while (clock_ns() < until)
        /* The open loop never sleeps: a timer would be late by more than a call takes. */
        turn(load.rate > 0 ? 0 : 10);
}

static void say(const char *word)
{
    puts(word);
    fflush(stdout);
}

static void prepare(const char *target, uint32_t connections, uint32_t places)
{
    if (connections < 1 || connections > MAX_CONNECTIONS || places < connections)
        fail("load", "1 to 1024 connections, and a place for each");
    snprintf(prefix, sizeof prefix, "%08x-", (uint32_t)(clock_ns() ^ (int64_t)getpid() << 20));
    load.connection_count = connections;
    load.place_count = places;
    load.places = calloc(places, sizeof *load.places);
    load.idle = calloc(places, sizeof *load.idle);
    load.held_room = load.hold + places + 1;
    load.held = calloc(load.held_room, sizeof *load.held);
    load.jobs_of_agent = calloc(load.agents + 1, sizeof *load.jobs_of_agent);
    for (uint32_t i = 0; i < connections; i++) {
        load.connections[i].places = calloc(places, sizeof(uint32_t));
        driver_connect(&load.connections[i], target);
    }
    for (uint32_t i = 0; i < places; i++)
        load.places[i].connection = &load.connections[i % connections];
}

static void load_peer(char **argument)
{
    load.hold = (uint32_t)atoi(argument[3]);
    load.agents = (uint32_t)atoi(argument[4]);
    load.capacity = (uint32_t)atoi(argument[5]);
    load.skills = (uint32_t)atoi(argument[6]);
    prepare(argument[0], (uint32_t)atoi(argument[1]), (uint32_t)atoi(argument[2]));
    double warm_up = atof(argument[7]), seconds = atof(argument[8]), rate = atof(argument[9]);
    load.now = clock_ns();
    for (uint32_t i = 0; i < load.place_count; i++)
        assign_next(&load.places[i], load.now);
    /* Filled at full speed, also for an open loop. */
    while (load.held_count < load.hold && !load.failed && !load.refused)
        turn(10);
    if (load.failed)
        fail("load", "the peer answered a call with an error");
    load.rate = rate;
    load.start = clock_ns();
    run(warm_up);
    memset(load.counts, 0, sizeof load.counts);
    load.count = load.assigned = load.refused = load.over_capacity = load.began = 0;
    load.longest = 0;
    say("begin");
    load.start = clock_ns();
    run(seconds);
    double took = (clock_ns() - load.start) / 1e9;
    uint64_t assigned = load.assigned, began = load.began;
    say("end");
    load.stopping = true;
    load.now = clock_ns();
    begin_due();
    for (int64_t until = load.now + DRAIN_SECONDS * 1000000000LL; load.busy && load.now < until;)
        turn(10);
    printf("{\"seconds\": %.6f, \"assigned\": %llu, \"refused\": %llu, \"failed\": %llu, \"lost\": %u, \"over_capacity\": %llu, "
           "\"began\": %llu, \"p50_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f, \"max_us\": %.1f}\n",
           took, (unsigned long long)assigned, (unsigned long long)load.refused, (unsigned long long)load.failed,
           load.busy + load.held_count, (unsigned long long)load.over_capacity, (unsigned long long)began,
           percentile(0.5), percentile(0.99), percentile(0.999), load.longest / 1e3);
}

/* ---- one call at a time, as told */

static void check_peer(char **argument)
{
    char line[128];
    unsigned long long job;
    load.checking = true;
    load.skills = 1;
    prepare(argument[0], 1, 1);
    struct connection *connection = &load.connections[0];
    while (fgets(line, sizeof line, stdin)) {
        char text[JOB_SIZE];
        uint32_t skill = 0;
        bool assigns = sscanf(line, "assign %llu %u", &job, &skill) == 2;
        if (!assigns && sscanf(line, "complete %llu", &job) != 1)
            fail("check: not understood", line);
        job_id(job, text);
        connection->waiting = load.busy = 1;
        if (assigns)
            driver_assign(connection, text, skill);
        else
            driver_complete(connection, text);
        while (load.busy)
            turn(10);
        printf("%lld\n", (long long)load.checked);
        fflush(stdout);
    }
}

int main(int count, char **argument)
{
    if (count == 12 && strcmp(argument[1], "load") == 0)
        load_peer(argument + 2);
    else if (count == 3 && strcmp(argument[1], "check") == 0)
        check_peer(argument + 2);
    else
        fail("usage", "load TARGET CONNECTIONS PLACES HOLD AGENTS CAPACITY SKILLS WARM_UP SECONDS RATE | check TARGET");
    return 0;
}
