/** @module What the Postgres store costs beside a bare function that writes the same rows, and what waiting together brings. */
import { startPostgres } from "@holdfast/testkit/servers";
import { migratePostgres, postgresStore } from "holdfast/postgres";
import { Pool } from "pg";
import { RateLimiterPostgres } from "rate-limiter-flexible";
import { compareLoad, microsOf, timeRatioOf } from "./load.ts";
import { HELD, KEYS, nextId, pairOnce, perSecond, reserveOnce } from "./redis.bench.ts";
import { atMost, failedRows, micros, times, type Row } from "./report.ts";

const GROUP = "Postgres store, 4 scopes (wall clock, loopback, fsync on)";
/** Shared by all calls, so that each waits for the one before. */
const WAITING = 64;

/** Four rows with what is held in six dimensions, and one row that remembers the hold: what a reservation must write. */
const RAW_SCHEMA = `
  CREATE TABLE raw_counter (
    key text PRIMARY KEY, h1 bigint, h2 bigint, h3 bigint, h4 bigint, h5 bigint, h6 bigint
  ) WITH (fillfactor = 50);
  INSERT INTO raw_counter SELECT unnest($1::text[]), 0, 0, 0, 0, 0, 0;
`;
const RAW_HOLD = "CREATE TABLE raw_hold (id text PRIMARY KEY, scopes text[], amounts bigint[], due bigint)";
const RAW_FUNCTION = `
  CREATE FUNCTION raw_reserve(id text, keys text[], a bigint[]) RETURNS text LANGUAGE plpgsql AS $$
  DECLARE k text;
  BEGIN
    FOREACH k IN ARRAY keys LOOP
      UPDATE raw_counter SET h1 = h1 + a[1], h2 = h2 + a[2], h3 = h3 + a[3], h4 = h4 + a[4], h5 = h5 + a[5],
        h6 = h6 + a[6] WHERE key = k AND h1 + a[1] <= 9007199254740991;
      IF NOT FOUND THEN RETURN 'denied'; END IF;
    END LOOP;
    INSERT INTO raw_hold VALUES (id, keys, a, 0);
    RETURN 'held';
  END $$`;

async function rawOnce(pool: Pool): Promise<() => Promise<unknown>> {
  const [table, rows] = RAW_SCHEMA.split(";\n");
  await pool.query(table!);
  await pool.query(rows!, [KEYS.toSorted()]);
  await pool.query(RAW_HOLD);
  await pool.query(RAW_FUNCTION);
  const keys = KEYS.toSorted();
  const given = Object.values(HELD);
  return async () => {
    const { rows: answered } = await pool.query("SELECT raw_reserve($1, $2, $3) AS answer", [
      nextId(),
      keys,
      given,
    ]);
    if (answered[0].answer !== "held") throw new Error(answered[0].answer);
  };
}

async function limiter(pool: Pool): Promise<() => Promise<void>> {
  const limiters = await Promise.all(
    KEYS.map(
      (keyPrefix) =>
        new Promise<RateLimiterPostgres>((resolve, reject) => {
          // Its own column for points is an integer.
          const options = {
            storeClient: pool,
            points: 2 ** 31 - 1,
            duration: 3_600,
            keyPrefix,
            tableName: "rlf",
          };
          const made: RateLimiterPostgres = new RateLimiterPostgres(options, (error?: Error) =>
            error ? reject(error) : resolve(made),
          );
        }),
    ),
  );
  return async () => {
    await Promise.all(limiters.map((one) => one.consume("key", 3)));
    await Promise.all(limiters.map((one) => one.reward("key", 2)));
  };
}

const RAW = "raw function";
const RESERVE = "reserve";
const PAIR = "reserve + settle";
const ONE_BY_ONE = "reserve + settle, one operation per trip";
const LIMITER = "rate-limiter-flexible: 4 consume + 4 reward";

export async function benchPostgres(quick: boolean): Promise<readonly Row[]> {
  const server = await startPostgres({ settings: { fsync: "on" } });
  const pool = new Pool({ connectionString: server.url, max: 16 });
  try {
    await migratePostgres(pool);
    const store = postgresStore(pool);
    const alone = await compareLoad(
      [
        [RAW, () => rawOnce(pool)],
        [RESERVE, async () => reserveOnce(store)],
        [PAIR, async () => pairOnce(store)],
        [LIMITER, () => limiter(pool)],
      ],
      { rounds: quick ? 7 : 15, count: quick ? 150 : 400, concurrency: 1 },
    );
    const together = await compareLoad(
      [
        [
          ONE_BY_ONE,
          async () => pairOnce(postgresStore(pool, { batching: { maxOperations: 1, maxTrips: 16 } })),
        ],
        [PAIR, async () => pairOnce(store)],
        [LIMITER, () => limiter(pool)],
      ],
      { rounds: quick ? 3 : 7, count: quick ? 1_000 : 2_000, concurrency: WAITING },
    );
    const overRaw = timeRatioOf(alone, RESERVE, RAW);
    const gain = timeRatioOf(together, ONE_BY_ONE, PAIR);
    return [
      {
        group: GROUP,
        quantity: "reserve, one at a time, p50",
        ours: micros(microsOf(alone, RESERVE)),
        against: `raw function, same writes ${micros(microsOf(alone, RAW))}`,
        ratio: times(overRaw),
        target: "<= 1.3x",
        met: atMost(overRaw, 1.3),
      },
      {
        group: GROUP,
        quantity: "reserve + settle, one at a time, p50",
        ours: micros(microsOf(alone, PAIR)),
        against: `rlf 4 consume + 4 reward ${micros(microsOf(alone, LIMITER))}`,
        ratio: times(timeRatioOf(alone, PAIR, LIMITER)),
      },
      {
        group: GROUP,
        quantity: `reserve + settle on hot budgets, ${WAITING} waiting`,
        ours: perSecond(microsOf(together, PAIR)),
        against: `one operation per trip ${perSecond(microsOf(together, ONE_BY_ONE))}`,
        ratio: times(gain),
        target: ">= 8x",
        met: gain !== undefined && gain >= 8,
      },
      {
        group: GROUP,
        quantity: `reserve + settle on hot budgets, ${WAITING} waiting`,
        ours: perSecond(microsOf(together, PAIR)),
        against: `rlf 4 consume + 4 reward ${perSecond(microsOf(together, LIMITER))}`,
        ratio: times(timeRatioOf(together, LIMITER, PAIR)),
      },
      ...failedRows(GROUP, [...alone.failed, ...together.failed]),
    ];
  } finally {
    await pool.end();
    await server.stop();
  }
}
