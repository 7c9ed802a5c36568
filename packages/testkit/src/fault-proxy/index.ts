/** @module A TCP proxy between a client and one server, to prove what the client does when the network fails. */
export { postgresErrorReply, redisErrorReply } from "./error-reply.ts";
export { startFaultProxy } from "./fault-proxy.ts";
export type { AimOptions, FaultProxy, FaultProxyOptions, FaultProxyProtocol } from "./fault-proxy.ts";
export type { Blackhole, Direction, RequestFilter } from "./faults.ts";
export { expectMark } from "./marks.ts";
export type { MarkName, Marks } from "./marks.ts";
