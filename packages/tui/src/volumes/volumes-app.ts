/** `stratos fs tui`: the composition root of the views of volumes. */
import { App } from "../app/app.ts";
import type { View } from "../app/view.ts";
import { serviceClient, type ServicePlace } from "../rest/service-client.ts";
import type { Surroundings } from "../surroundings.ts";
import { FilesView } from "./files-view.ts";
import { AuditView, ScrubView } from "./integrity-views.ts";
import { OverviewView } from "./overview-view.ts";
import { ScheduleView } from "./schedule-view.ts";
import { SnapshotsView } from "./snapshots-view.ts";
import { QuotasView, StorageView } from "./storage-views.ts";
import { TiersView } from "./tiers-view.ts";
import { VolumeContext } from "./volume-context.ts";
import { VolumesView } from "./volumes-view.ts";

/** @returns the exit status */
export async function runVolumesTui(place: ServicePlace, surroundings: Surroundings): Promise<number> {
  const app = new App({ name: "AegisFS", ...surroundings, ...serviceClient(place, "/v1") });
  const context = new VolumeContext(app);
  const [overview, files] = [new OverviewView(context), new FilesView(context)];
  const volumes = new VolumesView(context, (name) => {
    context.name = name;
    app.show(overview);
  });
  const snapshots = new SnapshotsView(context, (snapshot) => {
    files.lookInto(snapshot);
    app.show(files);
  });
  const views: readonly View[] = [
    volumes,
    overview,
    files,
    snapshots,
    new ScheduleView(context),
    new ScrubView(context),
    new StorageView(context),
    new TiersView(context),
    new QuotasView(context),
    new AuditView(context),
  ];
  return app.run(views, () => context.name ?? "");
}
