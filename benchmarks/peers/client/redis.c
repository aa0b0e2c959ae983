/* Redis: scripts by their digest, calls pipelined, the protocol by hand, as fairlead's generator speaks HTTP/2.

   TARGET is HOST PORT CLAIM COMPLETE apart by spaces, the last two the digests of the scripts. The answer of a claim is the agent's
   id or nil, that of a completion 1 (done) or 0 (nobody holds the job). */

#define _GNU_SOURCE
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ROOM = 1 << 20, COMMAND_SIZE = 512, DIGEST_SIZE = 40 };

struct redis {
    char claim[DIGEST_SIZE + 1], complete[DIGEST_SIZE + 1];
    char output[ROOM], input[ROOM];
    size_t sent, written, filled;
};

void driver_connect(struct connection *connection, const char *target)
{
    struct redis *redis = calloc(1, sizeof *redis);
    struct sockaddr_in address = {.sin_family = AF_INET};
    char host[64];
    int port, on = 1;
    if (sscanf(target, "%63s %d %40s %40s", host, &port, redis->claim, redis->complete) != 4)
        fail("a target is HOST PORT CLAIM COMPLETE", target);
    address.sin_port = htons((uint16_t)port);
    connection->fd = socket(AF_INET, SOCK_STREAM, 0);
    connection->driver = redis;
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1 || connect(connection->fd, (struct sockaddr *)&address, sizeof address) != 0)
        fail("no Redis answers", target);
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void append(struct redis *redis, const char *format, const char *digest, const char *key, const char *job)
{
    if (ROOM - redis->written < COMMAND_SIZE)
        fail("redis", "more calls wait to be sent than there is room for");
    redis->written += (size_t)snprintf(redis->output + redis->written, COMMAND_SIZE, format, digest, strlen(key), key, strlen(job), job);
}

void driver_assign(struct connection *connection, const char *job, uint32_t skill)
{
    struct redis *redis = connection->driver;
    char key[32];
    snprintf(key, sizeof key, "skill:skill-%u", skill);
    append(redis, "*5\r\n$7\r\nEVALSHA\r\n$40\r\n%s\r\n$1\r\n1\r\n$%zu\r\n%s\r\n$%zu\r\n%s\r\n", redis->claim, key, job);
}

void driver_complete(struct connection *connection, const char *job)
{
    struct redis *redis = connection->driver;
    append(redis, "*5\r\n$7\r\nEVALSHA\r\n$40\r\n%s\r\n$1\r\n1\r\n$%zu\r\n%s\r\n$%zu\r\n%s\r\n", redis->complete, "jobs", job);
}

bool driver_write(struct connection *connection)
{
    struct redis *redis = connection->driver;
    while (redis->sent < redis->written) {
        ssize_t taken = send(connection->fd, redis->output + redis->sent, redis->written - redis->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (taken < 0 && errno == EAGAIN)
            return true;
        if (taken <= 0)
            fail("redis", "the connection is gone");
        redis->sent += (size_t)taken;
    }
    redis->sent = redis->written = 0;
    return false;
}

/* One answer at `at`: its size with all line ends, 0 while it is not whole. */
static size_t answer_at(const char *at, size_t left, int64_t *agent)
{
    const char *end = memchr(at, '\n', left);
    if (end == NULL)
        return 0;
    size_t size = (size_t)(end - at) + 1;
    if (*at == ':') {
        *agent = at[1] == '1' ? 0 : FAILED;
        return size;
    }
    if (*at != '$') {
        fprintf(stderr, "redis: %.*s\n", (int)size, at);
        *agent = FAILED;
        return size;
    }
    int text = atoi(at + 1);
    if (text < 0) {
        *agent = REFUSED;
        return size;
    }
    if (left < size + (size_t)text + 2)
        return 0;
    const char *last = at + size + text;
    while (last > at + size && last[-1] >= '0' && last[-1] <= '9')
        last--;
    *agent = atoll(last);
    return size + (size_t)text + 2;
}

void driver_read(struct connection *connection)
{
    struct redis *redis = connection->driver;
    ssize_t size = recv(connection->fd, redis->input + redis->filled, ROOM - redis->filled, MSG_DONTWAIT);
    size_t at = 0, used;
    int64_t agent = FAILED;
    if (size < 0 && errno == EAGAIN)
        return;
    if (size <= 0)
        fail("redis", "the connection is gone");
    redis->filled += (size_t)size;
    while (at < redis->filled && (used = answer_at(redis->input + at, redis->filled - at, &agent)) > 0) {
        answered(connection, agent);
        at += used;
    }
    memmove(redis->input, redis->input + at, redis->filled - at);
    redis->filled -= at;
}
