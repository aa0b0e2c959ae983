/* PostgreSQL: libpq in pipeline mode, prepared statements, a transaction for each call. TARGET is a connection string.

   The answer of `claim` is a row with the agent's id or none, that of `complete` a row, or none when nobody holds the job. */

#define _GNU_SOURCE
#include "load.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct postgres {
    PGconn *server;
    int64_t answer;         /* of the call that is being read */
};

void driver_connect(struct connection *connection, const char *target)
{
    static const char *const statements[][2] = {{"claim", "SELECT claim($1, $2)"}, {"complete", "SELECT complete($1)"}};
    struct postgres *postgres = calloc(1, sizeof *postgres);
    postgres->server = PQconnectdb(target);
    if (PQstatus(postgres->server) != CONNECTION_OK)
        fail("no PostgreSQL answers", PQerrorMessage(postgres->server));
    for (int i = 0; i < 2; i++) {
        PGresult *result = PQprepare(postgres->server, statements[i][0], statements[i][1], 0, NULL);
        if (PQresultStatus(result) != PGRES_COMMAND_OK)
            fail("postgres", PQerrorMessage(postgres->server));
        PQclear(result);
    }
    if (PQsetnonblocking(postgres->server, 1) != 0 || PQenterPipelineMode(postgres->server) != 1)
        fail("postgres", PQerrorMessage(postgres->server));
    connection->fd = PQsocket(postgres->server);
    connection->driver = postgres;
}

static void query(struct connection *connection, const char *statement, int count, const char *const *values)
{
    struct postgres *postgres = connection->driver;
    if (PQsendQueryPrepared(postgres->server, statement, count, values, NULL, NULL, 0) != 1 || PQpipelineSync(postgres->server) != 1)
        fail("postgres", PQerrorMessage(postgres->server));
}

void driver_assign(struct connection *connection, const char *job, uint32_t skill)
{
    char number[16];
    snprintf(number, sizeof number, "%u", skill);
    query(connection, "claim", 2, (const char *const[]){job, number});
}

void driver_complete(struct connection *connection, const char *job)
{
    query(connection, "complete", 1, (const char *const[]){job});
}

bool driver_write(struct connection *connection)
{
    struct postgres *postgres = connection->driver;
    int left = PQflush(postgres->server);
    if (left < 0)
        fail("postgres", PQerrorMessage(postgres->server));
    return left == 1;
}

/* NULL of a claim is a refusal; `complete` raises when nobody holds the job. */
static int64_t answer_of(const PGresult *result)
{
    if (PQntuples(result) != 1 || PQgetisnull(result, 0, 0))
        return REFUSED;
    const char *text = PQgetvalue(result, 0, 0);
    const char *last = text + strlen(text);
    while (last > text && last[-1] >= '0' && last[-1] <= '9')
        last--;
    return atoll(last);
}

void driver_read(struct connection *connection)
{
    struct postgres *postgres = connection->driver;
    if (PQconsumeInput(postgres->server) != 1)
        fail("postgres", PQerrorMessage(postgres->server));
    while (connection->waiting && !PQisBusy(postgres->server)) {
        PGresult *result = PQgetResult(postgres->server);
        ExecStatusType status = PQresultStatus(result);
        if (result == NULL)
            continue;
        if (status == PGRES_TUPLES_OK)
            postgres->answer = answer_of(result);
        else if (status == PGRES_PIPELINE_SYNC)
            answered(connection, postgres->answer);
        else {
            fputs(PQresultErrorMessage(result), stderr);
            postgres->answer = FAILED;
        }
        PQclear(result);
    }
}
