/* The load on a peer that speaks no gRPC: what fairlead's own generator does, over a protocol that a driver knows.

   A place is a call in flight. Each assigns a job; of the jobs that were assigned `hold` stay held, and beyond that the place then
   completes the oldest. Answers of a connection come in the order of its calls. Times are nanoseconds. */

#ifndef LOAD_H
#define LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { REFUSED = -1, FAILED = -2, JOB_SIZE = 40, BUCKETS = 64 * 64 };

struct connection {
    int fd;
    void *driver;           /* what the driver keeps for it */
    uint32_t *places;       /* a ring: calls that wait for an answer, oldest first */
    uint32_t first, waiting;
};

/* The jobs' ids are texts, as everywhere: a prefix that is new for each run, and a number. */
void job_id(uint64_t job, char text[JOB_SIZE]);

/* A driver calls this once for each answer: number of the agent, REFUSED or FAILED. For a completion any number means done. */
void answered(struct connection *connection, int64_t agent);

/* What a driver is. All but connect never block; ends the process with a message when the server is not as expected. */
void driver_connect(struct connection *connection, const char *target);
void driver_assign(struct connection *connection, const char *job, uint32_t skill);
void driver_complete(struct connection *connection, const char *job);
/* Sends what is pending; whether some is left. */
bool driver_write(struct connection *connection);
void driver_read(struct connection *connection);

_Noreturn void fail(const char *what, const char *detail);

#endif
