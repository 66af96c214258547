-- SPDX-License-Identifier: Apache-2.0
-- The modules of ipcrun for lua5.4, built from this tree against an installed libipcrun:
--   luarocks --lua-version 5.4 make
rockspec_format = "3.0"
package = "ipcrun"
version = "scm-1"
source = { url = "." }  -- a checkout; nothing is fetched
description = {
  summary = "Collectives and messages between the processes of one machine",
  detailed = [[
    The modules `ipc`, `parallel` and `torch` for a plain lua5.4. They need libipcrun, which `./dev install` of
    the same sources installs together with the launcher.]],
  license = "Apache-2.0",
}
supported_platforms = { "linux" }
dependencies = { "lua >= 5.4, < 5.5" }
-- Looked for by pkg-config at the build, which says what is missing: libipcrun, liblua5.4-dev,
-- libeigen3-dev, libfmt-dev. And meson, ninja-build, pkg-config and g++.
build = {
  type = "command",
  build_command = "meson setup build-rock -Drock=true -Dbuildtype=release && ninja -C build-rock",
  install = {
    lib = { ipc = "build-rock/bindings/lua/ipc.so" },
    lua = {
      lab = "bindings/lua/lua/lab.lua",
      libipc = "bindings/lua/lua/libipc.lua",
      parallel = "bindings/lua/lua/parallel.lua",
      sys = "bindings/lua/lua/sys.lua",
      torch = "bindings/lua/lua/torch.lua",
      ["ipc.BackgroundTask"] = "bindings/lua/lua/ipc/BackgroundTask.lua",
      ["ipc.BackgroundTaskPool"] = "bindings/lua/lua/ipc/BackgroundTaskPool.lua",
      ["ipc.DiscoveredTree"] = "bindings/lua/lua/ipc/DiscoveredTree.lua",
      ["ipc.SlurmTree"] = "bindings/lua/lua/ipc/SlurmTree.lua",
      ["ipc.LocalhostTree"] = "bindings/lua/lua/ipc/LocalhostTree.lua",
      ["ipc.NullTree"] = "bindings/lua/lua/ipc/NullTree.lua",
      ["ipc.StaticTree"] = "bindings/lua/lua/ipc/StaticTree.lua",
      ["ipc.Tree"] = "bindings/lua/lua/ipc/Tree.lua",
      ["ipc.utils"] = "bindings/lua/lua/ipc/utils.lua",
    },
  },
}
