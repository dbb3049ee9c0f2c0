/** `stratos fs tui`: the composition root of the views of volumes. */
import type { View } from "../app/view.ts";
import { App } from "../app/app.ts";
import type { Surroundings } from "../surroundings.ts";
import { serviceClient, type ServicePlace } from "../rest/service-client.ts";
import { SnapshotsView } from "./snapshots-view.ts";
import { VolumeContext } from "./volume-context.ts";
import { VolumesView } from "./volumes-view.ts";

/** @returns the exit status. @throws OperationError where there is no terminal */
export async function runVolumesTui(place: ServicePlace, surroundings: Surroundings): Promise<number> {
  const app = new App({ name: "AegisFS", ...surroundings, ...serviceClient(place, "/api/v1") });
  const context = new VolumeContext(app);
  const open = (name: string): void => {
    context.name = name;
    app.subject = name;
    app.show(views[1]!);
  };
  const snapshots = new SnapshotsView(context, () => {});
  const views: readonly View[] = [new VolumesView(context, open), snapshots];
  return app.run(views);
}
