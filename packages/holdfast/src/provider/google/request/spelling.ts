/**
 * @module One spelling for the fields of a request.
 *
 * Google's APIs take proto JSON, which accepts each field in lowerCamelCase and in the original snake_case
 * (protobuf.dev/programming-guides/json, 2026-11), and a whole number as a string of digits. What is read in one spelling
 * only would leave the other one unbounded. Only names of the API's own may be respelled: what a function takes or returns
 * is the application's.
 */
import { CallNotBoundedError } from "../../../error/call-not-bounded-error.ts";
import { isObject, positiveInteger, type Body } from "../../request/request-shape.ts";

const toCamel = (name: string): string =>
  name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
const toSnake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/**
 * The fields of one object under their names in lowerCamelCase.
 *
 * @throws {CallNotBoundedError} when one is there in both spellings, since nobody says which of them counts.
 */
export function camelFields(fields: Body): Body {
  return respelled(fields, toCamel);
}

/** The same in snake_case, which is how interactions are documented. @throws {CallNotBoundedError} as above. */
export function snakeFields(fields: Body): Body {
  return respelled(fields, toSnake);
}

function respelled(fields: Body, spell: (name: string) => string): Body {
  const names = Object.keys(fields);
  if (names.every((name) => spell(name) === name)) return fields;
  const result = new Map<string, unknown>();
  for (const name of names) {
    const value = fields[name];
    if (value === undefined || value === null) continue;
    const one = spell(name);
    if (result.has(one)) {
      throw new CallNotBoundedError(
        `The request states ${one.slice(0, 80)} twice, as ${name.slice(0, 80)} too, so it cannot be told which of them counts. Leave one out.`,
      );
    }
    result.set(one, value);
  }
  return Object.fromEntries(result);
}

/** The name under which the request has this field already; the given one when it has none. */
export function spellingIn(fields: Body, name: string): string {
  if (isPresent(fields[name])) return name;
  return [toSnake(name), toCamel(name)].find((other) => isPresent(fields[other])) ?? name;
}

/** A repeated field: a list, or the only one of it, which the API takes as well. */
export function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value as unknown[];
  return isObject(value) ? [value] : [];
}

/** A whole number >= 1, also as a string of digits; null for anything else, which is the provider's to reject. */
export function wholeNumber(value: unknown): number | null {
  return positiveInteger(typeof value === "string" && value.trim() !== "" ? Number(value) : value);
}

function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null;
}
