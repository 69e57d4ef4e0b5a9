//! Checks of scripts and functions.

use swarm_keydb::{FunctionRestore, prelude::*};

use super::{holds, same};

family! {
    ["eval", "eval_as"] |c, keys| {
        let k = &keys.key("k");
        let script = "redis.call('SET', KEYS[1], ARGV[1]) return redis.call('GET', KEYS[1])";
        same("EVAL", c.eval_as::<String>(script, k, "v").await?, "v")?;
        same("EVAL of a number", c.eval("return 42", (), ()).await?.as_integer(), Some(42))?;
        same("what it wrote", c.get_as::<String>(k).await?.as_deref(), Some("v"))?;
    }
    ["evalsha", "evalsha_as", "script_load", "script_exists"] |c, _keys| {
        let digest = c.script_load("return ARGV[1]").await?;
        same("EVALSHA", c.evalsha_as::<i32>(&digest, (), 7).await?, 7)?;
        let known = c
            .script_exists([digest.as_str(), "0000000000000000000000000000000000000000"])
            .await?;
        same("SCRIPT EXISTS", known, [true, false])?;
        let unknown = c.evalsha("0000000000000000000000000000000000000000", (), ()).await;
        // Where errors arrive as arrays, a script may have returned this one, so the outcome is
        // unknown.
        let code = unknown
            .err()
            .and_then(|error| error.server_error().map(|error| error.code().to_owned()));
        same("EVALSHA of an unknown script", code.as_deref(), Some("NOSCRIPT"))?;
        holds("the digest", digest.len() == 40, &digest)?;
    }
    ["eval_ro", "eval_ro_as", "evalsha_ro", "evalsha_ro_as", "script_kill"] |c, keys| {
        let k = &keys.key("k");
        c.set(k, 7).await?;
        let script = "return redis.call('GET', KEYS[1])";
        same("EVAL_RO", c.eval_ro_as::<i64>(script, k, ()).await?, 7)?;
        let reply = c.eval_ro(script, k, ()).await?;
        same("EVAL_RO of bytes", reply.as_bytes(), Some(b"7".as_slice()))?;
        let digest = c.script_load(script).await?;
        same("EVALSHA_RO", c.evalsha_ro_as::<i64>(&digest, k, ()).await?, 7)?;
        let reply = c.evalsha_ro(&digest, k, ()).await?;
        same("EVALSHA_RO of bytes", reply.as_bytes(), Some(b"7".as_slice()))?;
        let writes = c.eval_ro("return redis.call('SET', KEYS[1], 8)", k, ()).await;
        holds("a script that writes", writes.is_err(), writes)?;
        let code = c.script_kill().await.err().and_then(|error| {
            error.server_error().map(|error| error.code().to_owned())
        });
        same("SCRIPT KILL of nothing", code.as_deref(), Some("NOTBUSY"))?;
    }
    [
        "function_load", "function_load_replace", "function_delete", "function_list",
        "function_stats", "function_kill", "fcall", "fcall_as", "fcall_ro", "fcall_ro_as"
    ] |c, keys| {
        let k = &keys.key("k");
        let library = keys.key("library").replace([':', '-'], "_");
        let code = format!(
            "#!lua name={library}
             redis.register_function('{library}_set', function(keys, args)
                return redis.call('SET', keys[1], args[1])
             end)
             redis.register_function{{
                function_name='{library}_get',
                callback=function(keys, args) return redis.call('GET', keys[1]) end,
                flags={{'no-writes'}}
             }}"
        );
        same("FUNCTION LOAD", c.function_load(&code).await?, library.as_str())?;
        let again = c.function_load(&code).await;
        holds("FUNCTION LOAD again", again.is_err(), again)?;
        same("FUNCTION LOAD REPLACE", c.function_load_replace(&code).await?, library.as_str())?;
        let (set, get) = (format!("{library}_set"), format!("{library}_get"));
        same("FCALL", c.fcall_as::<String>(&set, k, 7).await?, "OK")?;
        same("FCALL of a frame", c.fcall(&set, k, 8).await?.as_str(), Some("OK"))?;
        same("FCALL_RO", c.fcall_ro_as::<i64>(&get, k, ()).await?, 8)?;
        let reply = c.fcall_ro(&get, k, ()).await?;
        same("FCALL_RO of bytes", reply.as_bytes(), Some(b"8".as_slice()))?;
        let named = |list: &std::collections::HashMap<String, swarm_keydb::Frame>| {
            let name = list.get("library_name");
            name.is_some_and(|name| name.as_bytes() == Some(library.as_bytes()))
        };
        let libraries = c.function_list().await?;
        holds("FUNCTION LIST", libraries.iter().any(named), libraries.len())?;
        let stats = c.function_stats().await?;
        holds("FUNCTION STATS", stats.contains_key("engines"), stats.len())?;
        let code = c.function_kill().await.err().and_then(|error| {
            error.server_error().map(|error| error.code().to_owned())
        });
        same("FUNCTION KILL of nothing", code.as_deref(), Some("NOTBUSY"))?;
        c.function_delete(&library).await?;
        let gone = c.fcall(&get, k, ()).await;
        holds("FUNCTION DELETE", gone.is_err(), gone)?;
    }
    ["function_dump", "function_restore"] |c, keys| {
        let library = keys.key("library").replace([':', '-'], "_");
        let code = format!(
            "#!lua name={library}\nredis.register_function('{library}', function() return 7 end)"
        );
        c.function_load(code).await?;
        let dump = c.function_dump().await?;
        c.function_delete(&library).await?;
        c.function_restore(dump, FunctionRestore::Replace).await?;
        same("a function restored", c.fcall_as::<i64>(&library, (), ()).await?, 7)?;
        c.function_delete(&library).await?;
    }
}
