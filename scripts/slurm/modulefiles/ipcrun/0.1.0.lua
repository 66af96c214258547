-- SPDX-License-Identifier: Apache-2.0
-- For Lmod. `prefix` is what was given to `./dev install`.
local prefix = "/opt/ipcrun/0.1.0"

help [[ipcrun starts Lua programs as cooperating processes: man ipcrun-slurm]]
whatis("Name: ipcrun")
whatis("Version: 0.1.0")
conflict("ipcrun")

prepend_path("PATH", pathJoin(prefix, "bin"))
prepend_path("MANPATH", pathJoin(prefix, "share/man"))
-- The modules for plain lua5.4; ipcrun-lua has them. ';;' stands for what Lua knows itself.
setenv("LUA_PATH", pathJoin(prefix, "share/lua/5.4/?.lua") .. ";;")
setenv("LUA_CPATH", pathJoin(prefix, "lib/lua/5.4/?.so") .. ";;")
