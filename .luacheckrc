std = "lua54"
max_line_length = 100
exclude_files = { "build*/" }
-- Declarations for language servers: functions without bodies.
files["bindings/lua/types"] = { ignore = { "212", "241" } }
-- Its test gives it the module.
files["tests/lua/allocation_failure_script.lua"] = { read_globals = { "torch" } }
-- Scripts for lua---parallel and torch use the globals that these modules make.
files["examples/parallel"] = { globals = { "parallel" }, read_globals = { "torch", "lab", "sys" } }
-- A function for a thread has no upvalues: what it is given has the names of what is given.
for _, path in ipairs { "bench/threads.lua", "bindings/lua/lua/tasks", "examples/threads",
  "examples/client_server.lua", "examples/parameter_server.lua", "tests/threads",
  "tests/shared_channels" } do
  files[path] = { ignore = { "431" } }  -- shadowing an upvalue
end
-- What is there for its end, or to be dropped.
files["tests/threads/small"] = { ignore = { "211", "311", "431" } }
files["tests/client_server"] = { ignore = { "211", "431" } }
files["tests/lua/allocation_failure_small_script.lua"] = { ignore = { "211" } }
-- Threads have globals of their own, which the tests set; and maps that are only closed or dropped.
files["tests/threads/map"] = {
  globals = { "a_global", "base", "kept" }, read_globals = { "torch" }, ignore = { "211/map", "311", "431" },
}
files["tests/lua/allocation_failure_map_script.lua"] = { ignore = { "211", "311" } }
-- Two engines with the same methods, some of which need nothing of their object.
files["bindings/lua/lua/trees"] = { self = false }
-- What Lmod gives its files.
files["scripts/slurm/modulefiles"] = { read_globals = {
  "conflict", "help", "pathJoin", "prepend_path", "setenv", "whatis",
} }
