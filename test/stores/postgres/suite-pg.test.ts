/** The whole suite on a real server through node-postgres: with a clock that jumps, and with the server's own. */
import { storeSuite } from "@holdfast/testkit/store-suite";
import { Pool } from "pg";
import { afterAll } from "vitest";
import { newDatabase } from "./database.ts";
import { suiteStore } from "./stores.ts";

const database = await newDatabase();
const pool = new Pool({ connectionString: database.url });
const other = new Pool({ connectionString: database.url });
afterAll(async () => {
  await pool.end();
  await other.end();
  await database.drop();
});
const run = (sql: string): Promise<unknown> => pool.query(sql);

storeSuite({
  name: "postgres, node-postgres, stepped clock",
  createStore: suiteStore({ client: pool, run, clock: "stepped", other }),
  property: { numRuns: 60 },
});

storeSuite({
  name: "postgres, node-postgres, the server's clock",
  createStore: suiteStore({ client: pool, run, clock: "running", other }),
  property: { numRuns: 10 },
});
