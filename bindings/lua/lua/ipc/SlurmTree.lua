-- SPDX-License-Identifier: Apache-2.0
-- `ipc.SlurmTree` for a plain Lua interpreter: built into ipc.so, which offers it to `require`.
require "ipc"
return package.preload["ipc.SlurmTree"]("ipc.SlurmTree")
