/** What a hub runs with, as its page and its API show it: options one by one, so that no secret is among them. */
import { getHeapStatistics } from "node:v8";
import type { TlsFiles } from "@stratos/host-node/tls-files";
import type { HubSettings } from "@stratos/hub-api";
import type { Database } from "./database/database.ts";
import { SLOW_STATEMENT_MS } from "./database/open-database.ts";
import type { KerberosSettings } from "./access/kerberos/kerberos-settings.ts";
import type { OidcSettings } from "./access/oidc.ts";
import type { HubOptions } from "./hub-service.ts";
import type { RunTimeSettings, SettingName } from "./run-time-settings.ts";
import { SCHEMA_VERSION } from "./store/migrations/migrate.ts";

interface Told extends Omit<HubOptions, "plugins"> {
  readonly trustedProxies?: readonly string[];
  readonly slowStatementMs?: number;
  readonly version: string;
  readonly host: string;
  readonly port: number;
  readonly tls?: TlsFiles;
  readonly oidc?: OidcSettings;
  readonly kerberos?: KerberosSettings;
  readonly plugins?: { readonly folder: string };
}

export function shownSettings(database: Database, options: Told, settings: RunTimeSettings): HubSettings {
  const { tls, oidc, kerberos, plugins } = options;
  const now = (name: SettingName): string | number | null => settings.value(name) ?? null;
  return {
    changeable: settings.list(),
    groups: {
      "Program": {
        version: options.version,
        node: process.version,
        process: process.pid,
        "heap at most, MiB": Math.round(getHeapStatistics().heap_size_limit / (1 << 20)),
      },
      "Database": {
        place: database.name,
        schema: SCHEMA_VERSION,
        "shared by several hubs": database.isShared,
        "--pool": now("pool"),
        "--slow-query, ms": now("slow-query") ?? options.slowStatementMs ?? SLOW_STATEMENT_MS,
      },
      "Connections": {
        "--listen": `${options.host}:${options.port}`,
        "--keep-alive, s": now("keep-alive"),
        "--request-timeout, s": now("request-timeout"),
        "--headers-timeout, s": now("headers-timeout"),
        "--rate-limit": now("rate-limit"),
        "--trusted-proxy": options.trustedProxies?.join(", ") ?? null,
      },
      "TLS": {
        "--tls-cert": tls?.certificate ?? null,
        "--tls-min": tls?.minVersion ?? null,
        "--tls-ciphers": tls?.ciphers ?? null,
        "--worker-certificates": now("worker-certificates"),
        "--worker-certificate-life, s": now("worker-certificate-life"),
      },
      "Signing in": {
        "--oidc-issuer": oidc?.issuer ?? null,
        "--oidc-client-id": oidc?.clientId ?? null,
        "a client secret": oidc?.clientSecret !== undefined,
        "--oidc-role": oidc?.roles.map(({ value, role }) => `${value}=${role}`).join(", ") ?? null,
        "--public-url": oidc?.publicUrl ?? null,
        "a keytab": kerberos !== undefined,
        "--kerberos-role": kerberos?.roles.map(({ pattern, role }) => `${pattern}=${role}`).join(", ") ?? null,
      },
      "Work": {
        "--lease, s": options.leaseSeconds,
        "a leader that hangs is replaced after, s": options.leaderSeconds,
        "--plugins": plugins?.folder ?? null,
        "rules of --failure-rules": options.failureRules?.length ?? 0,
        "--profile-every, s": now("profile-every"),
        "--profile-time, s": now("profile-time"),
        "--profile-keep": now("profile-keep"),
        "--profile-size, MiB": now("profile-size"),
      },
    },
  };
}
