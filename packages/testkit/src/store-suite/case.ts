/** @module A test of the suite as a value, so that it can be run against broken stores too. */
import type { Rig } from "./rig.ts";

export interface Case {
  readonly title: string;
  /** The store's clock must jump (over hours, to a date); a store whose time runs on leaves the case out. */
  readonly jumps?: boolean;
  run(rig: Rig): Promise<void>;
}

/** One thing that a store can do, with the cases that prove it. */
export interface Capability {
  readonly name: string;
  /** A part of the port that a store may leave out; then the cases are left out, and the report says so. */
  readonly needs?: "jobs";
  readonly cases: readonly Case[];
}
