/**
 * Slices of hot budgets, held in advance: `leased(redisStore(client))`.
 *
 * @module
 */
export { leased, type LeasedStore, type LeaseState } from "./leased-store.ts";
export type { LeaseOptions } from "./lease-options.ts";
