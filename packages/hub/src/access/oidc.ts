/**
 * Signing in at a provider of identities (OpenID Connect): in a browser by authorization code with PKCE, elsewhere by
 * device code. What comes of it is who it is and which roles their claims give; the hub makes a key of that.
 *
 * Signatures of ID tokens are checked against the keys that the provider has at that time, so that it may change them.
 * Source: OpenID Connect Core 1.0 §3.1; RFC 7636; RFC 8628.
 */
// Loaded by who signs in first: most of what a hub does has no need of it.
import type * as client from "openid-client";
import { HubError } from "../store/hub-error.ts";
import type { Identity } from "./identity.ts";

export interface OidcSettings {
  readonly issuer: string;
  readonly clientId: string;
  /** Absent: a public client. */
  readonly clientSecret?: string;
  /** Beside `openid`. */
  readonly scopes: readonly string[];
  /** Whose value is the principal's name. One that users may choose lets them be somebody else. */
  readonly nameClaim: string;
  /** Values that give roles: a text or a list; a path with dots. */
  readonly rolesClaim: string;
  /** `*`: everybody who can sign in. */
  readonly roles: readonly { readonly value: string; readonly role: string }[];
  /** Of this hub, as browsers reach it (default: where it listens). */
  readonly publicUrl?: string;
}

/** What a browser keeps between leaving for the provider and coming back. */
export interface SignInSecrets {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

interface DeviceCode {
  readonly deviceCode: string;
  readonly userCode: string;
  readonly verificationUri: string;
  /** With the code in it; null: the provider has none. */
  readonly verificationUriComplete: string | null;
  readonly expiresSeconds: number;
  readonly intervalSeconds: number;
}

interface Provider {
  readonly library: typeof client;
  readonly config: client.Configuration;
}

export const CALLBACK_PATH = "/login/oidc/callback";
const TIMEOUT_SECONDS = 15;
const INTERVAL_SECONDS = 5;
const DESCRIBED_MS = 600_000;
/** `oidc:` keeps them apart from principals of this hub's own keys. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._+@:-]{0,200}$/;
const ROLES_MAX = 1_000;
const DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code";

/** @returns what is wrong with them, in words; null: nothing */
export function oidcFault({ issuer, publicUrl, roles }: OidcSettings): string | null {
  for (const [name, text] of [
    ["the provider", issuer],
    ["the hub's own address", publicUrl],
  ] as const)
    if (text !== undefined && (!URL.canParse(text) || !isSafe(new URL(text))))
      return `${name}, ${text}: expected https://… (or this computer)`;
  return roles.length === 0 ? "no claim gives a role, so that nobody could sign in" : null;
}

/** TLS, or a way that nobody else can listen to. */
function isSafe({ protocol, hostname }: URL): boolean {
  return protocol === "https:" || (protocol === "http:" && /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname));
}

export class OidcLogin {
  readonly settings: OidcSettings;
  readonly #addressOf: () => string;
  #described: { readonly untilMs: number; readonly metadata: Promise<client.ServerMetadata> } | null = null;

  /** @param addressOf  where the hub listens, once it does */
  constructor(settings: OidcSettings, addressOf: () => string) {
    this.settings = settings;
    this.#addressOf = addressOf;
  }

  /** Where the browser goes. @throws HubError 502 */
  async begin(): Promise<{ url: string; secrets: SignInSecrets }> {
    const { library, config } = await this.#provider();
    const secrets = {
      state: library.randomState(),
      nonce: library.randomNonce(),
      verifier: library.randomPKCECodeVerifier(),
    };
    const url = library.buildAuthorizationUrl(config, {
      redirect_uri: this.#redirect(),
      scope: this.#scope(),
      state: secrets.state,
      nonce: secrets.nonce,
      code_challenge: await library.calculatePKCECodeChallenge(secrets.verifier),
      code_challenge_method: "S256",
    });
    return { url: url.href, secrets };
  }

  /** @param query  of the address that the provider sent the browser back to @throws HubError 401, 403, 502 */
  async finish(query: string, { state, nonce, verifier }: SignInSecrets): Promise<Identity> {
    const provider = await this.#provider();
    try {
      const tokens = await provider.library.authorizationCodeGrant(
        provider.config,
        new URL(`${this.#redirect()}${query}`),
        {
          pkceCodeVerifier: verifier,
          expectedState: state,
          expectedNonce: nonce,
          idTokenExpected: true,
        },
      );
      return await this.#identity(provider, tokens);
    } catch (error) {
      throw refusal(error);
    }
  }

  /** @throws HubError 502 */
  async beginDevice(): Promise<DeviceCode> {
    const provider = await this.#provider();
    try {
      const answer = await provider.library.initiateDeviceAuthorization(provider.config, { scope: this.#scope() });
      return {
        deviceCode: answer.device_code,
        userCode: answer.user_code,
        verificationUri: answer.verification_uri,
        verificationUriComplete: answer.verification_uri_complete ?? null,
        expiresSeconds: answer.expires_in,
        intervalSeconds: answer.interval ?? INTERVAL_SECONDS,
      };
    } catch (error) {
      throw refusal(error);
    }
  }

  /** @returns null: the user has not decided yet; `slower`: it was asked too often @throws HubError 401, 403, 502 */
  async finishDevice(deviceCode: string): Promise<Identity | "slower" | null> {
    const provider = await this.#provider();
    try {
      const tokens = await provider.library.genericGrantRequest(provider.config, DEVICE_GRANT, {
        device_code: deviceCode,
      });
      return await this.#identity(provider, tokens);
    } catch (error) {
      const code = (error as { error?: unknown }).error;
      if (code === "authorization_pending") return null;
      if (code === "slow_down") return "slower";
      throw refusal(error);
    }
  }

  #redirect(): string {
    return `${(this.settings.publicUrl ?? this.#addressOf()).replace(/\/+$/, "")}${CALLBACK_PATH}`;
  }

  #scope(): string {
    return ["openid", ...this.settings.scopes].join(" ");
  }

  /**
   * With no keys of the provider's yet, so that each sign-in is checked against those that it has now. What it says of
   * itself is kept for a while; one that was away is asked again by who comes next.
   */
  async #provider(): Promise<Provider> {
    const library = await import("openid-client");
    const { issuer, clientId, clientSecret } = this.settings;
    const isPlain = new URL(issuer).protocol === "http:";
    const authentication = clientSecret === undefined ? library.None() : library.ClientSecretBasic(clientSecret);
    if (this.#described === null || performance.now() > this.#described.untilMs)
      this.#described = {
        untilMs: performance.now() + DESCRIBED_MS,
        metadata: library
          .discovery(new URL(issuer), clientId, undefined, authentication, {
            timeout: TIMEOUT_SECONDS,
            execute: isPlain ? [library.allowInsecureRequests] : [],
          })
          .then((found) => found.serverMetadata()),
      };
    try {
      const config = new library.Configuration(await this.#described.metadata, clientId, undefined, authentication);
      config.timeout = TIMEOUT_SECONDS;
      library.enableNonRepudiationChecks(config);
      if (isPlain) library.allowInsecureRequests(config);
      return { library, config };
    } catch (error) {
      this.#described = null;
      throw new HubError(502, "provider-away", `${issuer} cannot be asked: ${wordsOf(error)}`);
    }
  }

  async #identity(
    { library, config }: Provider,
    tokens: client.TokenEndpointResponse & client.TokenEndpointResponseHelpers,
  ): Promise<Identity> {
    const { nameClaim, rolesClaim } = this.settings;
    let claims: Readonly<Record<string, unknown>> | undefined = tokens.claims();
    if (claims === undefined) throw new HubError(401, "no-identity", "the provider sent no ID token");
    const lacks = (claim: string): boolean => valueAt(claims!, claim) === undefined;
    if ((lacks(nameClaim) || lacks(rolesClaim)) && config.serverMetadata().userinfo_endpoint !== undefined)
      claims = { ...(await library.fetchUserInfo(config, tokens.access_token, String(claims["sub"]))), ...claims };
    const name = valueAt(claims, nameClaim);
    if (typeof name !== "string" || !NAME.test(name))
      throw new HubError(403, "no-name", `the claim ${nameClaim} holds no name that this hub takes`);
    if (nameClaim === "email" && claims["email_verified"] === false)
      throw new HubError(403, "no-name", `the provider has not verified the address ${name}`);
    const roles = this.rolesOf(claims);
    if (roles.length === 0)
      throw new HubError(403, "no-role", `${name} has signed in, and nothing in ${rolesClaim} gives a role here`);
    return { principal: `oidc:${name}`, roles };
  }

  rolesOf(claims: Readonly<Record<string, unknown>>): string[] {
    const { rolesClaim, roles } = this.settings;
    const values = [valueAt(claims, rolesClaim)].flat().slice(0, ROLES_MAX);
    return [...new Set(roles.filter(({ value }) => value === "*" || values.includes(value)).map(({ role }) => role))];
  }
}

/** A claim of that very name, else by the parts of its path. */
function valueAt(claims: Readonly<Record<string, unknown>>, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path];
  let value: unknown = claims;
  for (const part of path.split("."))
    value =
      typeof value === "object" && value !== null && Object.hasOwn(value, part)
        ? (value as Record<string, unknown>)[part]
        : undefined;
  return value;
}

function refusal(error: unknown): HubError {
  if (error instanceof HubError) return error;
  if (isAway(error)) return new HubError(502, "provider-away", `the provider cannot be asked: ${wordsOf(error)}`);
  return new HubError(401, "not-signed-in", `the provider's answer is refused: ${wordsOf(error)}`);
}

/** Nobody was refused: the provider has not said anything. */
function isAway(error: unknown): boolean {
  const { cause, code } = error as { cause?: unknown; code?: unknown };
  // fetch's own: no answer.
  if (error instanceof TypeError && cause !== undefined) return true;
  const status = statusOf(cause) ?? 0;
  return code === "OAUTH_TIMEOUT" || status >= 500 || status === 429;
}

/** Of an answer that is the cause; the server has a class of its own in the place of fetch's. */
function statusOf(cause: unknown): number | undefined {
  const { status } = (cause ?? {}) as { readonly status?: unknown };
  return typeof status === "number" ? status : undefined;
}

/** What the library says; no token, code or secret is in it. */
function wordsOf(error: unknown): string {
  const { message, error: code, error_description: told } = error as Record<string, unknown>;
  const cause = (error as { cause?: { message?: unknown; code?: unknown } }).cause;
  const status = statusOf(cause);
  return [message, code, told, status === undefined ? (cause?.message ?? cause?.code) : `HTTP ${status}`]
    .filter((one): one is string => typeof one === "string" && one !== "")
    .map((one) => one.slice(0, 200))
    .join(": ");
}
