/** @module The composition root: the only place that knows the defaults. */
import { createPriceSource } from "@holdfast/prices";
import { createCalibration } from "./estimate/calibration.ts";
import { createHoldRatio } from "./estimate/hold-ratio.ts";
import { linearEstimator } from "./estimate/text-estimate.ts";
import { Emitter } from "./event/emitter.ts";
import { AttributionContext } from "./guard/attribution-context.ts";
import { Guard } from "./guard/guard.ts";
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
  const prices = createPriceBook({
    source:
      source ?? createPriceSource({ ...(overrides ? { overrides } : {}), ...(aliases ? { aliases } : {}) }),
    unknownModel:
      typeof unknownModel === "string"
        ? { policy: unknownModel }
        : { policy: "ceiling", price: unknownModel.ceiling },
    clock,
  });
  const guard = new Guard({
    store: config.store ?? memoryStore({ clock }),
    emitter: new Emitter({ clock, nextId, queueLimit: config.eventQueueLimit ?? 10_000 }),
    context: new AttributionContext(),
    prices,
    clock,
    nextId,
    calibration: createCalibration({ floor: config.estimate?.learnedFloor ?? 0.25 }),
    holdRatio: createHoldRatio(),
    settings: { ...settings, estimator: config.estimate?.estimator ?? linearEstimator },
    budgets,
  });
  return new Holdfast(guard);
}
