/** Packages of channels, and the repositories that serve them. */
import type { RebuildRequest } from "@stratos/hub-api";
import type { Rebuilds } from "../repositories/rebuilds.ts";
import { packagesOf, type Repositories } from "../repositories/repositories.ts";
import { historyOf } from "../store/build-history.ts";
import { findChannel } from "../store/channels.ts";
import type { ApiRequest, ApiRoute } from "./route.ts";
import { admitOf } from "./task-routes.ts";
import { page, PACKAGE_VIEW, PROMOTION, REBUILD, WITHDRAWAL } from "./schemas.ts";

const PACKAGES_MAX = 10_000;

export function packageRoutes(repositories: Repositories, rebuilds: Rebuilds): readonly ApiRoute[] {
  const channelOf = ({ parameters }: ApiRequest): string => parameters["channel"]!;
  return [
    {
      id: "listPackages",
      method: "get",
      path: "/packages",
      tag: "packages",
      permission: "package:read",
      answer: page(PACKAGE_VIEW),
      query: {
        channel: { schema: { type: "string" }, description: "of this channel" },
        source: { schema: { type: "string" }, description: "made of this source package" },
      },
      summary: `Packages of channels as they came, ${PACKAGES_MAX} at most.`,
      handle: async ({ hub, query }) => {
        const { channel, source } = query as { channel?: string; source?: string };
        const items = await packagesOf(
          hub.database,
          { channel, ...(source === undefined ? {} : { source }) },
          { limit: PACKAGES_MAX },
        );
        // One that was removed has none either.
        if (items.length === 0 && channel !== undefined) await findChannel(hub.database, channel);
        return { body: { items, next: null } };
      },
    },
    {
      id: "listSourceBuilds",
      method: "get",
      path: "/sources/{source}/builds",
      tag: "packages",
      permission: "task:read",
      summary:
        "The newest builds of a source package; `beside`: whether they left the same packages as the first of their " +
        "version and architecture, and `reproducible`: whether all did.",
      handle: async ({ hub, parameters }) => ({ body: await historyOf(hub.database, parameters["source"]!) }),
    },
    {
      id: "promotePackages",
      method: "post",
      path: "/channels/{channel}/promote",
      tag: "packages",
      permission: "package:promote",
      isScoped: true,
      body: PROMOTION,
      status: 200,
      answer: page(PACKAGE_VIEW),
      summary:
        "Brings the packages of sources from another channel into this one; its lists are signed when it answers.",
      handle: async (request) => {
        await request.require(`package:promote:${channelOf(request)}`);
        const { from, sources } = request.body as { from: string; sources: string[] };
        const items = await repositories.promote(sources, {
          from,
          to: channelOf(request),
          actor: request.principal.name,
        });
        return { body: { items, next: null } };
      },
    },
    {
      id: "withdrawPackages",
      method: "post",
      path: "/channels/{channel}/withdraw",
      tag: "packages",
      permission: "package:withdraw",
      isScoped: true,
      body: WITHDRAWAL,
      status: 200,
      answer: page(PACKAGE_VIEW),
      summary: "Takes the packages of sources out of a channel; who has installed them keeps them.",
      handle: async (request) => {
        await request.require(`package:withdraw:${channelOf(request)}`);
        const { sources } = request.body as { sources: string[] };
        const items = await repositories.withdraw(sources, {
          channel: channelOf(request),
          actor: request.principal.name,
        });
        return { body: { items, next: null } };
      },
    },
    {
      id: "planRebuild",
      method: "post",
      path: "/channels/{channel}/rebuild/plan",
      tag: "packages",
      permission: "package:read",
      changesNothing: true,
      body: REBUILD,
      status: 200,
      summary: "Which sources of the channel would be built anew, in which order, as which versions; nothing is done.",
      handle: async (request) => ({ body: await rebuilds.plan(channelOf(request), request.body as RebuildRequest) }),
    },
    {
      id: "rebuildSources",
      method: "post",
      path: "/channels/{channel}/rebuild",
      tag: "packages",
      permission: "task:submit",
      isScoped: true,
      body: REBUILD,
      status: 201,
      joinsTransaction: true,
      summary:
        "Builds sources of the channel anew as binNMUs, as one workflow: each waits for those that it needs, and for " +
        "their packages to be in the channel.",
      handle: async (request) => {
        await request.require(`task:submit:${channelOf(request)}`);
        const body = await rebuilds.submit(channelOf(request), request.body as RebuildRequest, {
          owner: request.principal.name,
          inside: request.inside,
          admit: admitOf(request),
        });
        return { status: 201, body };
      },
    },
    {
      id: "listRepositories",
      method: "get",
      path: "/channels/{channel}/repositories",
      tag: "packages",
      permission: "package:read",
      summary: "Where builds of a channel find packages: below the hub's address, its own first; and whom to trust.",
      handle: async (request) => {
        await findChannel(request.hub.database, channelOf(request));
        const { fingerprint, armored } = await repositories.publicKey();
        return {
          body: { items: await repositories.placesOf(channelOf(request)), next: null, fingerprint, key: armored },
        };
      },
    },
  ];
}
