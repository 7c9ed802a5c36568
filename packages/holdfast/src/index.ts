/**
 * Hard budgets for LLM calls, inside the process.
 *
 * @module
 */
export { systemClock, type Clock } from "./kernel/clock.ts";
export type { MaybePromise } from "./kernel/maybe-promise.ts";
export { formatUsd, NANO_PER_USD } from "./kernel/money.ts";
export {
  rollingSegmentAt,
  windowAt,
  type CalendarUnit,
  type CalendarWindow,
  type RollingWindow,
  type TotalWindow,
  type Window,
  type WindowSpec,
} from "./kernel/window.ts";
export { availableIn, denialOf, exceeds, firstLimit } from "./ledger/admission.ts";
export {
  requireAmounts,
  requireDelta,
  requireLimits,
  requirePositive,
  sameAdjustment,
  sameAmounts,
  sameOverride,
  sameReservation,
} from "./ledger/operation-checks.ts";
export { amounts, DIMENSIONS, type Amounts, type Dimension, type Limits } from "./ledger/amounts.ts";
export { holdTransition, type HoldState, type HoldTransition, type HoldVerb } from "./ledger/hold-state.ts";
export {
  DEFAULT_JOBS_PAGE,
  jobFrom,
  jobsPage,
  requireJob,
  requireJobKey,
  requireJobsQuery,
  type JobHold,
  type JobKey,
  type JobRecord,
  type JobsPage,
  type JobsQuery,
  type JobStore,
} from "./ledger/job-store.ts";
export type * from "./ledger/ledger-store.ts";
export {
  modelOf,
  utcDayOf,
  type UsageFilter,
  type UsageLedger,
  type UsagePage,
  type UsagePosition,
  type UsageQuery,
  type UsageRollup,
  type UsageRollupQuery,
} from "./ledger/usage-ledger.ts";
export { memoryStore, type MemoryStoreOptions } from "./store/memory/memory-store.ts";
export { BudgetExceededError, type BudgetExceededDetails } from "./error/budget-exceeded-error.ts";
export { AttributionError } from "./error/attribution-error.ts";
export { CallNotAllowedError } from "./error/call-not-allowed-error.ts";
export { CallNotBoundedError } from "./error/call-not-bounded-error.ts";
export { ClientNotSupportedError } from "./error/client-not-supported-error.ts";
export { ConfigError, type ConfigProblem } from "./error/config-error.ts";
export { HoldfastClosedError } from "./error/holdfast-closed-error.ts";
export { HoldfastError, type ErrorCode } from "./error/holdfast-error.ts";
export { OperationInvalidError } from "./error/operation-invalid-error.ts";
export { PriceUnknownError } from "./error/price-unknown-error.ts";
export { StoreDataLossError } from "./error/store-data-loss-error.ts";
export { StoreSetupError } from "./error/store-setup-error.ts";
export { StoreUnavailableError } from "./error/store-unavailable-error.ts";
export type { Usage, UsageBucket, UsageSource } from "./usage/usage.ts";
export type { Attribution } from "./attribution/attribution.ts";
export type { BudgetConfig, LimitConfig, RollingWindowConfig } from "./budget/budget-config.ts";
export { createHoldfast } from "./create-holdfast.ts";
export type { Calibration } from "./estimate/calibration.ts";
export type { HoldRatioSnapshot } from "./estimate/hold-ratio.ts";
export { linearEstimator, utf8ByteLength } from "./estimate/text-estimate.ts";
export type { TokenEstimator } from "./estimate/token-estimator.ts";
export type { Listener } from "./event/emitter.ts";
export type * from "./event/events.ts";
export type { MissingOutputLimit, ServerContext } from "./guard/guard-settings.ts";
export type { OpenJob } from "./guard/job-record.ts";
export type { EstimateConfig, HoldfastConfig, PricesConfig, SettlementConfig } from "./holdfast-config.ts";
export type { AdjustRequest, Balance, Holdfast, OverrideRequest } from "./holdfast.ts";
export {
  recordUsage,
  type DroppedUsage,
  type RecordUsageOptions,
  type UsageEmitter,
  type UsageRecording,
} from "./meter/record-usage.ts";
export type { OutcomeClass, UsageRecord } from "./meter/usage-record.ts";
export { attributed } from "./provider/per-call-attribution.ts";
