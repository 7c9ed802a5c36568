/** @module The composition root: the only place that knows the defaults. */
import { createPriceSource, PriceOverrideError } from "@holdfast/prices";
import { ConfigError } from "./error/config-error.ts";
import { createCalibration } from "./estimate/calibration.ts";
import { createHoldRatio } from "./estimate/hold-ratio.ts";
import { reliableEstimator } from "./estimate/reliable-estimator.ts";
import { linearEstimator } from "./estimate/text-estimate.ts";
import { Emitter } from "./event/emitter.ts";
import { AttributionContext } from "./guard/attribution-context.ts";
import { Guard } from "./guard/guard.ts";
import { fileJournal, NO_JOURNAL, type OutageJournal } from "./guard/outage-journal.ts";
import { parseConfig, type HoldfastConfig } from "./holdfast-config.ts";
import { Holdfast } from "./holdfast.ts";
import { systemClock } from "./kernel/clock.ts";
import { createIdSource } from "./kernel/id.ts";
import { createPriceBook } from "./price/price-book.ts";
import { memoryStore } from "./store/memory/memory-store.ts";

/**
 * Hard budgets for this process's LLM calls. Wrap a client with it (`wrapOpenAI`), and no call starts that could break
 * one of the budgets.
 *
 * @throws {ConfigError} naming every field that is wrong, before any call.
 */
export function createHoldfast(config: HoldfastConfig): Holdfast {
  const { budgets, settings } = parseConfig(config);
  const clock = config.clock ?? systemClock;
  const nextId = createIdSource();
  const { source, overrides, aliases } = config.prices ?? {};
  const { unknownModel = "refuse" } = config;
  const prices = configured(() =>
    createPriceBook({
      source:
        source ?? createPriceSource({ ...(overrides ? { overrides } : {}), ...(aliases ? { aliases } : {}) }),
      unknownModel:
        typeof unknownModel === "string"
          ? { policy: unknownModel }
          : { policy: "ceiling", price: unknownModel.ceiling },
      clock,
    }),
  );
  const guard = new Guard({
    store: config.store ?? memoryStore({ clock }),
    allowance: memoryStore({ clock }),
    journal: openJournal(config.outageJournal),
    emitter: new Emitter({ clock, nextId, queueLimit: config.eventQueueLimit ?? 10_000 }),
    context: new AttributionContext(),
    prices,
    clock,
    nextId,
    calibration: createCalibration({ floor: config.estimate?.learnedFloor ?? 1 }),
    holdRatio: createHoldRatio(),
    settings: { ...settings, estimator: reliableEstimator(config.estimate?.estimator ?? linearEstimator) },
    budgets,
  });
  return new Holdfast(guard);
}

function openJournal(path: string | undefined): OutageJournal {
  if (path === undefined) return NO_JOURNAL;
  try {
    return fileJournal(path);
  } catch (error) {
    const problem = `cannot be used: ${error instanceof Error ? error.message : String(error)}`;
    throw new ConfigError([{ field: "outageJournal", problem }]);
  }
}

/** What is wrong with a price is wrong with the configuration. */
function configured<T>(create: () => T): T {
  try {
    return create();
  } catch (error) {
    if (!(error instanceof PriceOverrideError)) throw error;
    throw new ConfigError([{ field: error.field, problem: error.message }]);
  }
}
