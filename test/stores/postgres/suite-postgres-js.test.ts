/** The whole suite on a real server through postgres.js. */
import { storeSuite } from "@holdfast/testkit/store-suite";
import postgres from "postgres";
import { afterAll } from "vitest";
import { newDatabase } from "./database.ts";
import { suiteStore } from "./stores.ts";

const database = await newDatabase();
const sql = postgres(database.url, { onnotice: () => {} });
afterAll(async () => {
  await sql.end();
  await database.drop();
});

storeSuite({
  name: "postgres, postgres.js",
  createStore: suiteStore({ client: sql, run: async (text) => sql.unsafe(text), clock: "stepped" }),
  property: { numRuns: 30 },
});
