/** @module Money as it is printed. */
import { formatUsd } from "holdfast";

/** "0.0201075 USD", exact. */
export function usd(nanoUsd: number | bigint): string {
  return `${formatUsd(Number(nanoUsd))} USD`;
}

/** "0.020107500": always nine decimals, for columns. */
export function usdColumn(nanoUsd: number | bigint): string {
  const [whole = "", fraction = ""] = formatUsd(Number(nanoUsd)).split(".");
  return `${whole}.${fraction.padEnd(9, "0")}`;
}
