/**
 * Webhooks of forges: whether a delivery is theirs, and what was pushed.
 *
 *     github   X-Hub-Signature-256: sha256=hex(HMAC-SHA256(secret, body))   X-GitHub-Event: push
 *     gitea    X-Gitea-Signature: hex(HMAC-SHA256(secret, body))            X-Gitea-Event: push    (Forgejo, too)
 *     gitlab   X-Gitlab-Token: secret                          X-Gitlab-Event: Push Hook, Tag Push Hook
 *
 * Sources: docs.github.com "Validating webhook deliveries", "Webhook events and payloads: push"; docs.gitea.com
 * "Webhooks"; docs.gitlab.com "Webhooks", "Webhook events".
 */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { TriggerPush, TriggerStatus } from "@stratos/hub-api";

export type WebhookForge = "github" | "gitlab" | "gitea";

interface Delivery {
  readonly headers: Headers;
  readonly body: Uint8Array;
}

export function isSigned(forge: WebhookForge, secret: string, { headers, body }: Delivery): boolean {
  if (forge === "gitlab") return isSame(headers.get("x-gitlab-token") ?? "", secret);
  const signature = createHmac("sha256", secret).update(body).digest("hex");
  return forge === "github"
    ? isSame(headers.get("x-hub-signature-256") ?? "", `sha256=${signature}`)
    : isSame(headers.get("x-gitea-signature") ?? "", signature);
}

/** Digests are of one length, which timingSafeEqual wants and which tells nothing. */
function isSame(given: string, expected: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

/**
 * The same for the same delivery. A signature covers the body alone, so an identifier in a header would let anybody
 * send a body twice; GitLab signs nothing and its bodies repeat, so there its identifier counts as well.
 */
export function deliveryDigest(forge: WebhookForge, { headers, body }: Delivery): string {
  const hash = createHash("sha256").update(body);
  return hash.update(forge === "gitlab" ? (headers.get("x-gitlab-event-uuid") ?? "") : "").digest("hex");
}

interface Payload {
  readonly ref?: unknown;
  readonly after?: unknown;
  readonly deleted?: unknown;
  readonly checkout_sha?: unknown;
  readonly head_commit?: { readonly id?: unknown } | null;
  readonly repository?: { readonly full_name?: unknown; readonly clone_url?: unknown };
  readonly project?: { readonly path_with_namespace?: unknown; readonly git_http_url?: unknown };
  readonly commits?: unknown;
  readonly total_commits?: unknown;
  readonly total_commits_count?: unknown;
}

/** @returns a sentence for what is no push of a commit. */
export function readPush(forge: WebhookForge, { headers, body }: Delivery): TriggerPush | string {
  const event = headers.get(`x-${forge}-event`) ?? "";
  if (!["push", "Push Hook", "Tag Push Hook"].includes(event)) return `the event ${event.slice(0, 40)} starts nothing`;
  let payload: Payload;
  try {
    payload = JSON.parse(Buffer.from(body).toString()) as Payload;
  } catch {
    return "the body is no JSON; the webhook is to send application/json";
  }
  if (typeof payload !== "object" || payload === null) return "the body is no JSON object";
  const { project, repository, ref } = payload;
  // Of an annotated tag `after` is the tag's object; these are the commit.
  const commit = forge === "gitlab" ? payload.checkout_sha : (payload.head_commit?.id ?? payload.after);
  const isDeletion = payload.deleted === true || (forge === "gitlab" && payload.checkout_sha === null);
  if (isDeletion || /^0+$/.test(String(payload.after))) return "a branch or tag was deleted";
  const push = {
    ref,
    commit,
    repository: forge === "gitlab" ? project?.path_with_namespace : repository?.full_name,
    clone: forge === "gitlab" ? project?.git_http_url : repository?.clone_url,
    paths: changedPaths(payload),
  };
  return pushFault(push) ?? (push as TriggerPush);
}

/** Names go into commands and URLs of others: letters, digits, a few marks, and nothing that looks like an option. */
const REF = /^refs\/(?:heads|tags)\/[A-Za-z0-9_][A-Za-z0-9._/+@=-]{0,200}$/;
const COMMIT = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/;
const REPOSITORY = /^(?!.*(?:^|\/)\.{1,2}(?:\/|$))[A-Za-z0-9_.-]+(?:\/[A-Za-z0-9_.-]+)*$/;
const CLONE = /^https?:\/\/[^\s'"\\<>`$(){};|&]{1,500}$/;

/** @returns what is wrong with it in words */
export function pushFault(push: Readonly<Record<keyof TriggerPush, unknown>>): string | null {
  const fits = (value: unknown, pattern: RegExp): boolean => typeof value === "string" && pattern.test(value);
  if (!fits(push.ref, REF)) return "its ref is no branch or tag whose name is letters, digits and . _ / + @ = -";
  if (!fits(push.commit, COMMIT)) return "its commit is no hash";
  if (!fits(push.repository, REPOSITORY)) return "its repository's name is none";
  return fits(push.clone, CLONE) ? null : "its repository's URL is none of http or https";
}

/** Null where the forge does not list all commits: GitHub names at most 2,048, GitLab 20, Gitea 5 by default. */
function changedPaths({ commits, total_commits, total_commits_count }: Payload): string[] | null {
  if (!Array.isArray(commits) || commits.length === 0 || commits.length >= GITHUB_COMMITS_MAX) return null;
  const total = total_commits ?? total_commits_count;
  if (typeof total === "number" && total > commits.length) return null;
  return [
    ...new Set(
      (commits as readonly Readonly<Record<string, unknown>>[]).flatMap((commit) =>
        ["added", "modified", "removed"].flatMap((how) => {
          const paths = commit?.[how];
          return Array.isArray(paths) ? paths.filter((path) => typeof path === "string") : [];
        }),
      ),
    ),
  ];
}
const GITHUB_COMMITS_MAX = 2_048;

export type CommitState = "pending" | "success" | "failure" | "canceled";

interface StatusRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, string>>;
}

/** Sources: docs.github.com and docs.gitea.com "Create a commit status"; docs.gitlab.com "Commits API". */
export function statusRequest(
  forge: WebhookForge,
  { api = "https://api.github.com", context = "stratos" }: Omit<TriggerStatus, "secret">,
  told: {
    readonly token: string;
    readonly repository: string;
    readonly commit: string;
    readonly state: CommitState;
    readonly description: string;
    readonly link: string;
  },
): StatusRequest {
  const { token, repository, commit, state, description, link } = told;
  const root = api.replace(/\/+$/, "");
  const common = { description, target_url: link };
  if (forge === "gitlab")
    return {
      url: `${root}/projects/${encodeURIComponent(repository)}/statuses/${commit}`,
      headers: { "private-token": token },
      body: { ...common, state: state === "failure" ? "failed" : state, name: context },
    };
  return {
    url: `${root}/repos/${repository}/statuses/${commit}`,
    headers: { authorization: forge === "github" ? `Bearer ${token}` : `token ${token}` },
    body: { ...common, state: state === "canceled" ? "error" : state, context },
  };
}
