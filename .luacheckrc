std = "lua54"
max_line_length = 100
exclude_files = { "build*/" }
-- Declarations for language servers: functions without bodies.
files["bindings/lua/types"] = { ignore = { "212", "241" } }
-- Its test gives it the module.
files["tests/lua/allocation_failure_script.lua"] = { read_globals = { "torch" } }
-- Scripts for lua---parallel and torch use the globals that these modules make.
files["examples/parallel"] = { globals = { "parallel" }, read_globals = { "torch", "lab", "sys" } }
