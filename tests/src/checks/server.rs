//! Checks of connection and server commands, and of SwarmKeyDb's own commands.

use swarm_keydb::prelude::*;

use super::{holds, refused, same};

family! {
    ["ping", "ping_with", "echo"] |c, _keys| {
        c.ping().await?;
        same("PING with a message", c.ping_with("hello").await?, "hello")?;
        same("ECHO", c.echo("").await?, "")?;
    }
    ["hello"] |c, _keys| {
        let info = c.hello().await?;
        holds("HELLO", !info.server.is_empty() && !info.version.is_empty(), info)?;
    }
    ["raw"] |c, keys| {
        let reply = c.raw("ECHO", "hello").await?;
        same("ECHO", reply.as_str(), Some("hello"))?;
        refused("an unknown command", c.raw("NO-SUCH-COMMAND", ()).await, "ERR")?;
        let error = c.raw("NO-SUCH-COMMAND", "a-secret").await.err().map(|error| error.to_string());
        let silent = error.as_ref().is_some_and(|error| !error.contains("a-secret"));
        holds("an error without arguments", silent, error)?;
        refused("a missing argument", c.raw("GET", ()).await, "ERR")?;
        same("the connection is in step", c.echo(keys.key("k")).await?, keys.key("k"))?;
    }
    ["info", "info_section"] |c, _keys| {
        let info = c.info().await?;
        holds("INFO", info.contains(':'), &info)?;
        c.info_section("server").await?;
    }
    ["command_count"] |c, _keys| {
        let count = c.command_count().await?;
        holds("COMMAND COUNT", count > 20, count)?;
    }
    ["config_get"] |c, _keys| {
        let settings = c.config_get("maxmemory").await?;
        holds("CONFIG GET", settings.contains_key("maxmemory"), settings)?;
    }
    ["config_set"] |c, _keys| {
        let settings = c.config_get("maxmemory").await?;
        // Sets the current value, so that nothing changes.
        let current = settings.get("maxmemory").cloned().unwrap_or_default();
        c.config_set("maxmemory", current).await?;
    }
    ["client_id"] |c, _keys| {
        let id = c.client_id().await?;
        holds("CLIENT ID", id > 0, id)?;
    }
    ["client_list", "client_info"] |c, _keys| {
        let (list, info) = (c.client_list().await?, c.client_info().await?);
        holds("CLIENT LIST", list.contains("id="), list)?;
        holds("CLIENT INFO", info.contains("id="), info)?;
    }
    ["dbsize"] |c, keys| {
        c.set(keys.key("k"), 1).await?;
        let size = c.dbsize().await?;
        holds("DBSIZE", size > 0, size)?;
    }
    ["backendmeta"] |c, keys| {
        c.set(keys.key("k"), 1).await?;
        c.backendmeta(keys.key("k")).await?;
    }
}
