-- SPDX-License-Identifier: Apache-2.0
-- A world goes up and comes down again: the counterpart of peers/mpi_world.c.
local ipc = require "ipc"

local world = ipc.world()
world:barrier()
