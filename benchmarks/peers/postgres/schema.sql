-- The peer in PostgreSQL: one indexed table of agents, one of held jobs, a function for each call, a transaction for each.

-- Half a page stays free, so that a change finds room on the page of the row.
CREATE TABLE agents (
    number integer PRIMARY KEY,
    id text NOT NULL,
    load integer NOT NULL DEFAULT 0 CHECK (load BETWEEN 0 AND capacity),
    capacity integer NOT NULL,
    served bigint NOT NULL,
    skills bigint NOT NULL  -- a bit for each: 64 are enough here, and a test of a bit is the cheapest filter there is
) WITH (fillfactor = 50);

CREATE TABLE jobs (
    id text PRIMARY KEY,
    agent integer NOT NULL
);

CREATE SEQUENCE served CACHE 1;

-- The order of the choice: the least loaded who has room, among these who was served longest ago.
CREATE INDEX agents_with_room ON agents (load, served) INCLUDE (skills) WHERE load < capacity;

-- The agent's id, or NULL when nobody has room. SKIP LOCKED: a claim that is under way elsewhere is not waited for.
CREATE FUNCTION claim(job text, skill integer) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    chosen integer;
    name text;
BEGIN
    SELECT number, id INTO chosen, name FROM agents
    WHERE load < capacity AND skills & (1::bigint << skill) <> 0
    ORDER BY load, agents.served LIMIT 1 FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    UPDATE agents SET load = load + 1, served = nextval('served') WHERE number = chosen;
    INSERT INTO jobs VALUES (job, chosen);
    RETURN name;
END $$;

CREATE FUNCTION complete(job text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    holder integer;
BEGIN
    DELETE FROM jobs WHERE id = job RETURNING agent INTO STRICT holder;
    UPDATE agents SET load = load - 1 WHERE number = holder;
    RETURN holder;
END $$;
