/**
 * One seed for all property tests, so that a run says the same today and tomorrow. `FC_SEED=random` looks further, and
 * `FC_SEED=<number>` repeats what such a run has found.
 */
import fc from "fast-check";

const given = process.env["FC_SEED"];
if (given !== "random")
  fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: given === undefined ? 20_261_121 : Number(given) });
