/** @module Unique ids: a random prefix per source and a counter, so that making one costs next to nothing. */
import { randomBytes } from "node:crypto";

export type IdSource = () => string;

/** Ids of one source are ordered; ids of two sources never meet (96 random bits). */
export function createIdSource(prefix: string = randomBytes(12).toString("base64url")): IdSource {
  let count = 0;
  return () => {
    count += 1;
    return `${prefix}.${count.toString(36)}`;
  };
}
