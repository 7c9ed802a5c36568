/**
 * The suite that every ledger store must pass, the reference model it is compared with, and the state dump for
 * comparing stores with each other.
 *
 * @module
 */
export type { Capability, Case } from "./case.ts";
export { ReferenceModel, type ModelHold } from "./model.ts";
export { checkAgainstModel, type PropertySettings } from "./property.ts";
export type { Rig } from "./rig.ts";
export { dumpState, listBalances, type DumpOptions } from "./state-dump.ts";
export {
  waitingClock,
  type CreateStore,
  type SkippedTests,
  type StoreUnderTest,
  type SuiteClock,
} from "./store-under-test.ts";
export { CAPABILITIES, runCase, storeSuite, type StoreSuiteOptions } from "./suite.ts";
