/** @module A database of its own for a test file, on the server of the run. */
import { Client } from "pg";
import { inject } from "vitest";

export interface TestDatabase {
  readonly name: string;
  readonly url: string;
  drop(): Promise<void>;
}

let made = 0;

export async function newDatabase(): Promise<TestDatabase> {
  const server = inject("postgresUrl");
  made += 1;
  const name = `postgres_store_${process.pid}_${Date.now() % 1_000_000}_${made}`;
  await statement(server, `CREATE DATABASE "${name}"`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return { name, url: url.href, drop: () => statement(server, `DROP DATABASE "${name}" WITH (FORCE)`) };
}

/** Runs statements on a connection of their own. */
export async function statement(url: string, text: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}

export interface Address {
  readonly host: string;
  readonly port: number;
  readonly user: string;
}

export function addressOf(url: string): Address {
  const { hostname, port, username } = new URL(url);
  return { host: hostname, port: Number(port), user: decodeURIComponent(username) };
}

/** The same address, through a proxy. */
export function through(url: string, proxy: { readonly host: string; readonly port: number }): string {
  const changed = new URL(url);
  changed.hostname = proxy.host;
  changed.port = String(proxy.port);
  return changed.href;
}
