/**
 * Who a program is to S3-compatible storage, from where other programs look: the environment (AWS_ACCESS_KEY_ID,
 * AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN), else the profile AWS_PROFILE (`default`) of the file
 * AWS_SHARED_CREDENTIALS_FILE (~/.aws/credentials).
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { userHome } from "./own-user.ts";

export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** `problem`: there are none; where they were looked for. */
export function readS3Credentials(
  environment: Readonly<NodeJS.ProcessEnv>,
): { readonly credentials: S3Credentials } | { readonly problem: string } {
  const { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret, AWS_SESSION_TOKEN: token } = environment;
  if (id !== undefined && secret !== undefined) return { credentials: asCredentials(id, secret, token) };
  const file = environment["AWS_SHARED_CREDENTIALS_FILE"] ?? join(userHome(), ".aws", "credentials");
  const name = environment["AWS_PROFILE"] ?? "default";
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code === "ENOENT" ? "" : ` (${(error as Error).message})`;
    return {
      problem: `AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are needed, in the environment or in ${file}${why}`,
    };
  }
  const profile = readProfile(text, name);
  const fileId = profile.get("aws_access_key_id");
  const fileSecret = profile.get("aws_secret_access_key");
  if (fileId === undefined || fileSecret === undefined)
    return { problem: `${file}: its profile ${name} has no aws_access_key_id or no aws_secret_access_key` };
  return { credentials: asCredentials(fileId, fileSecret, profile.get("aws_session_token")) };
}

function asCredentials(accessKeyId: string, secretAccessKey: string, sessionToken?: string): S3Credentials {
  return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
}

/** A section of `key = value` lines. */
function readProfile(text: string, name: string): Map<string, string> {
  const found = new Map<string, string>();
  let isWanted = false;
  for (const line of text.split("\n").map((one) => one.trim())) {
    const section = /^\[\s*(.*?)\s*\]$/.exec(line);
    if (section !== null) isWanted = section[1] === name;
    const pair = /^([^#;=]+?)\s*=\s*(.*)$/.exec(line);
    if (isWanted && pair !== null) found.set(pair[1]!, pair[2]!);
  }
  return found;
}
