/**
 * Circles of types among the files of a package that there are (circles.ts): a circle a paragraph, the package first.
 * The list only becomes shorter.
 */
export const TYPE_CIRCLES: readonly string[] = `
aegisfs: check/check.ts check/owner-pass.ts
aegisfs: encryption/keys.ts encryption/reseal.ts
aegisfs: volume/commit.ts volume/snapshots.ts volume/subvolume-content.ts volume/subvolume-operation.ts
  volume/subvolume-registry.ts volume/subvolume-state.ts volume/subvolume.ts volume/volume.ts
console: serve/console-service.ts serve/metrics.ts
kernel: block/block-file.ts block/block-inode.ts block/block-ioctl.ts block/block-kernel.ts block/device-users.ts
  block/disks.ts block/loop/loop-device.ts block/loop/loop-devices.ts block/loop/loop-ioctl.ts block/mount-source.ts
kernel: frames/frame-allocator.ts frames/image-pages.ts frames/memory-account.ts frames/page-cache.ts frames/reaper.ts
kernel: fs/aegisfs/aegisfs-inode.ts fs/aegisfs/aegisfs.ts
kernel: fs/devtmpfs/devtmpfs.ts fs/devtmpfs/kernel-message-device.ts fs/devtmpfs/memory-devices.ts fs/fs-kernel.ts
  fs/tmpfs/tmpfs-inode.ts fs/tmpfs/tmpfs.ts
kernel: fs/hostfs/host-inode.ts fs/hostfs/host-regular-file.ts fs/hostfs/hostfs.ts
kernel: fs/mqueue/message-queue-file.ts fs/mqueue/mqueue.ts
kernel: ipc/ipc-kernel.ts ipc/ipc-state.ts ipc/message-queues.ts ipc/semaphores.ts ipc/shared-memory.ts
kernel: mm/address-space.ts mm/content-key.ts mm/library-places.ts mm/mm-kernel.ts mm/page-fault.ts mm/slot-pool.ts
  mm/user-cursor.ts mm/vdso/vdso.ts
kernel: procfs/process-directory.ts procfs/procfs.ts procfs/system-files.ts
kernel: security/namespace-counts.ts security/namespace.ts security/user-namespace.ts
kernel: signal/pid-namespace.ts signal/session.ts signal/signal-target.ts
kernel: socket/inet/datagram-socket.ts socket/inet/group-membership.ts socket/inet/host-datagrams.ts
  socket/inet/host-tcp.ts socket/inet/host-transport.ts socket/inet/inet-socket.ts socket/inet/ip-options.ts
  socket/inet/loopback-datagrams.ts socket/inet/loopback-tcp.ts socket/inet/loopback-transport.ts
  socket/inet/raw-socket.ts socket/inet/tcp-options.ts socket/inet/tcp-socket.ts socket/inet/tcp-transport.ts
  socket/inet/udp-socket.ts socket/interface-changes.ts socket/interface-ioctl.ts socket/message-timestamp.ts
  socket/netlink/address-messages.ts socket/netlink/link-messages.ts socket/netlink/netlink-socket.ts
  socket/netlink/route-events.ts socket/netlink/route-requests.ts socket/netlink/route-table-messages.ts
  socket/netlink/socket-diagnosis.ts socket/network-interface.ts socket/network.ts socket/packet/interface-frames.ts
  socket/packet/packet-address.ts socket/packet/packet-socket.ts socket/routes.ts socket/socket-kernel.ts
  socket/socket-options.ts socket/socket-state.ts socket/socket.ts socket/unix/in-flight-files.ts
  socket/unix/socket-node.ts socket/unix/unix-socket.ts
kernel: task/accounting.ts task/affinity.ts task/board.ts task/clocks.ts task/clone-namespaces.ts
  task/core-dump/core-dump.ts task/core-dump/core-notes.ts task/core-dump/core-settings.ts
  task/core-dump/piped-core.ts task/cpu-timers.ts task/deliver-signals.ts task/disturber.ts task/elf-loader.ts
  task/exec.ts task/exit.ts task/fault-kinds.ts task/fetched-instruction.ts task/first-process.ts task/futex.ts
  task/kernel-state.ts task/oom-killer.ts task/pi-futex.ts task/process-group.ts task/process-timers.ts
  task/resource-usage.ts task/run-loop.ts task/run-queue.ts task/scheduler.ts task/seccomp-check.ts
  task/signal-frame.ts task/stops.ts task/syscall-row.ts task/task-observer.ts task/task-table.ts task/task.ts
  task/thread-group.ts task/unknown-calls.ts task/unsynced-files.ts
kernel: time/clock-adjustment.ts time/time-kernel.ts
kernel: tty/devpts.ts tty/echo.ts tty/job-control.ts tty/line-discipline.ts tty/output-processing.ts tty/pty.ts
  tty/terminal-file.ts tty/terminal-ioctl.ts tty/terminal.ts tty/termios.ts tty/tty-kernel.ts tty/tty-state.ts
kernel: vfs/dentry.ts vfs/device-registry.ts vfs/file-locks.ts vfs/file-system-types.ts vfs/file-system.ts
  vfs/file-table.ts vfs/fs-context.ts vfs/inode-lifetime.ts vfs/inode.ts vfs/inotify-marks.ts vfs/io-signal.ts
  vfs/leases.ts vfs/mount-device.ts vfs/mount-namespace.ts vfs/mount.ts vfs/namespace-file.ts vfs/open-file.ts
  vfs/path.ts vfs/vfs-kernel.ts vfs/vfs-state.ts vfs/write-back.ts
lisp: expander/binding.ts expander/syntax.ts
lisp: expander/core-forms.ts expander/definition-forms.ts expander/derived-forms.ts expander/evaluate-transformer.ts
  expander/expander.ts expander/quasiquote.ts expander/syntax-case.ts expander/transformer.ts
lisp: middle/ir.ts middle/primitives.ts
pkg: alpm/explain.ts alpm/resolve.ts
pkg: debian/resolver/explain.ts debian/resolver/resolution.ts
riscv: processor-tally.ts processor.ts
riscv: reference/aes.ts reference/atomic.ts reference/bit-manipulation.ts reference/cache-block.ts
  reference/control.ts reference/float.ts reference/integer.ts reference/reference-hart.ts
  reference/register-semantics.ts
riscv: translate/computations.ts translate/page-presence.ts translate/structure.ts translate/unit.ts
riscv: translate/lazy-loops.ts translate/liveness.ts
sdk: api.ts check-options.ts engine-client.ts entry.ts http-exchange.ts named-sandbox.ts protocol.ts remote-events.ts
  remote-files.ts remote-program.ts sandbox.ts systems.ts volume.ts
session: explore/attempt.ts explore/power-cut.ts
session: recording/checkpoints.ts recording/timeline.ts
session: recording/host-answers.ts recording/recording-format.ts
volumes: find-volume.ts open-volume.ts volume-scan.ts volume-usage.ts
wayland: core/client.ts core/message.ts core/resource.ts
wayland: shell/arranger.ts shell/popup.ts shell/screen-window.ts shell/screen.ts shell/toplevel.ts
  shell/xdg-surface.ts
`
  .trim()
  .split(/\n(?=\S)/)
  .map((circle) => circle.replace(/\s+/g, " "));
