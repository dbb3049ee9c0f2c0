/**
 * Sessions of the web pages: a cookie stands for a key, for twelve hours, or until the key is revoked or somebody signs
 * out.
 */
import { createHash, randomBytes } from "node:crypto";
import type { Database } from "../database/database.ts";
import type { Access, Principal } from "./access.ts";

export const SESSION_HOURS = 12;

const digestOf = (text: string): string => createHash("sha256").update(text).digest("hex");

export async function openSession(database: Database, principal: Principal): Promise<string> {
  const secret = randomBytes(32).toString("base64url");
  await database.query(
    "insert into web_session (hash, api_key, expires) values ($1, $2, now() + make_interval(hours => $3))",
    [digestOf(secret), principal.keyId, SESSION_HOURS],
  );
  return secret;
}

/** @returns null for one that is over */
export async function findSession(database: Database, access: Access, secret: string): Promise<Principal | null> {
  const [row] = await database.query<{ id: string; principal: string; scopes: string[]; roles: string[] }>(
    `
    select k.id, k.principal, k.scopes, k.roles from web_session s join api_key k on k.id = s.api_key
    where s.hash = $1 and s.expires > now() and k.revoked is null and (k.expires is null or k.expires > now())`,
    [digestOf(secret)],
  );
  return row === undefined ? null : access.principalOf(row);
}

export async function closeSession(database: Database, secret: string): Promise<void> {
  await database.query("delete from web_session where hash = $1", [digestOf(secret)]);
}
