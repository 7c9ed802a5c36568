/** The whole suite on PGlite: Postgres in this process. */
import { PGlite } from "@electric-sql/pglite";
import { storeSuite } from "@holdfast/testkit/store-suite";
import { afterAll } from "vitest";
import { suiteStore } from "./stores.ts";

const database = await PGlite.create();
afterAll(() => database.close());

storeSuite({
  name: "postgres, PGlite",
  createStore: suiteStore({ client: database, run: (text) => database.exec(text), clock: "stepped" }),
  property: { numRuns: 12 },
});
