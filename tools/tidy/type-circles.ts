/**
 * Circles of types among the files of a package that there are (circles.ts): a circle a paragraph, the package first.
 * The list only becomes shorter.
 */
export const TYPE_CIRCLES: readonly string[] = `
aegisfs: volume/commit.ts volume/snapshots.ts volume/subvolume-content.ts volume/subvolume-operation.ts
  volume/subvolume-registry.ts volume/subvolume-state.ts volume/subvolume.ts volume/volume.ts
kernel: block/block-file.ts block/block-inode.ts block/block-ioctl.ts block/block-kernel.ts block/device-users.ts
  block/disks.ts block/loop/loop-device.ts block/loop/loop-devices.ts block/loop/loop-ioctl.ts block/mount-source.ts
kernel: frames/frame-allocator.ts frames/image-pages.ts frames/memory-account.ts frames/page-cache.ts frames/reaper.ts
kernel: fs/aegisfs/aegisfs-inode.ts fs/aegisfs/aegisfs.ts
kernel: fs/devtmpfs/devtmpfs.ts fs/devtmpfs/kernel-message-device.ts fs/devtmpfs/memory-devices.ts fs/fs-kernel.ts
  fs/tmpfs/tmpfs-inode.ts fs/tmpfs/tmpfs.ts
kernel: fs/mqueue/message-queue-file.ts fs/mqueue/mqueue.ts
kernel: mm/address-space.ts mm/content-key.ts mm/library-places.ts mm/mm-kernel.ts mm/page-fault.ts mm/slot-pool.ts
  mm/user-cursor.ts mm/vdso/vdso.ts
kernel: security/namespace-counts.ts security/namespace.ts security/user-namespace.ts
kernel: signal/pid-namespace.ts signal/session.ts signal/signal-target.ts
kernel: socket/inet/host-datagrams.ts socket/inet/loopback-datagrams.ts socket/inet/udp-socket.ts
kernel: socket/inet/host-tcp.ts socket/inet/host-transport.ts socket/inet/loopback-tcp.ts
  socket/inet/loopback-transport.ts socket/inet/network-tcp.ts socket/inet/stack-tcp.ts
  socket/inet/stack-transport.ts socket/inet/tcp-connect.ts socket/inet/tcp-options.ts
  socket/inet/tcp-socket.ts socket/inet/tcp-transport.ts
kernel: socket/interface-network.ts socket/network-interface.ts socket/packet/bridge.ts socket/routes.ts
kernel: task/board.ts task/kernel-state.ts task/scheduler.ts task/syscall-row.ts task/task-observer.ts
  task/task-table.ts task/task.ts task/thread-group.ts task/tracing.ts task/turn-hooks.ts
kernel: time/clock-adjustment.ts time/time-kernel.ts
kernel: vfs/dentry.ts vfs/file-system.ts vfs/file-table.ts vfs/fs-context.ts vfs/inode.ts vfs/mount-device.ts
  vfs/mount-namespace.ts vfs/mount.ts vfs/open-file.ts vfs/path.ts vfs/vfs-kernel.ts vfs/vfs-state.ts
wayland: core/client.ts core/message.ts core/resource.ts
wayland: shell/arranger.ts shell/popup.ts shell/screen-window.ts shell/screen.ts shell/toplevel.ts
  shell/xdg-surface.ts
`
  .trim()
  .split(/\n(?=\S)/)
  .map((circle) => circle.replace(/\s+/g, " "));
