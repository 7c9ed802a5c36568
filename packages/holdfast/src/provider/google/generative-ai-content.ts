/** @module Requests of @google/generative-ai as values: copies that nobody changes, and the contents that they stand for. */
import type { Body } from "../request/request-shape.ts";
import { snapshot } from "../request/snapshot.ts";
import type { SingleRequestOptions } from "./generative-ai-shape.ts";

/** The same object with other values in some of its fields. */
export function withFields<T extends object>(object: T, fields: Body): T {
  const descriptors: PropertyDescriptorMap = {};
  for (const [name, value] of Object.entries(fields))
    descriptors[name] = { value, configurable: true, writable: true };
  return Object.create(object, descriptors) as T;
}

export function copyOf<T>(value: T): T {
  return snapshot({ value })["value"] as T;
}

/** A text or a list of parts, in place of a whole request. */
export function isContents(given: unknown): given is string | readonly unknown[] {
  return typeof given === "string" || Array.isArray(given);
}

/** As the SDK puts it into a request. */
export function contentOf(given: unknown): Body {
  const parts = Array.isArray(given) ? (given as unknown[]) : [given];
  return { role: "user", parts: parts.map((part) => (typeof part === "string" ? { text: part } : part)) };
}

/** What an SDK call was given as its request options: it takes null for none. */
export function optionsOf(given: SingleRequestOptions | null | undefined): SingleRequestOptions {
  return given ?? {};
}
