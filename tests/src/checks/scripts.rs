//! Checks of script commands.

use swarm_keydb::prelude::*;

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
}
