//! Checks of connection and server commands, and of SwarmKeyDb's own commands.

use std::time::{Duration, SystemTime};

use swarm_keydb::{ClientKill, ClientPause, ClientType, Role, prelude::*};

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
    ["time", "lastsave", "role", "lolwut"] |c, _keys| {
        let hour = Duration::from_secs(3600);
        let now = SystemTime::now();
        let near = |time: SystemTime| now - hour < time && time < now + hour;
        let time = c.time().await?;
        holds("TIME", near(time), time)?;
        let saved = c.lastsave().await?;
        holds("LASTSAVE", near(saved), saved)?;
        let role = c.role().await?;
        holds("ROLE", matches!(&role, Role::Master { replicas, .. } if replicas.is_empty()), role)?;
        let art = c.lolwut().await?;
        holds("LOLWUT", art.contains("ver"), art)?;
    }
    ["command_list", "command_getkeys", "config_resetstat"] |c, _keys| {
        let commands = c.command_list().await?;
        holds("COMMAND LIST", commands.iter().any(|name| name == "get"), commands.len())?;
        let keys = c.command_getkeys("MSET", ("a", 1, "b", 2)).await?;
        same("COMMAND GETKEYS", keys, ["a", "b"])?;
        c.config_resetstat().await?;
    }
    [
        "client_getname", "client_kill", "client_unblock", "client_unblock_error", "client_pause",
        "client_unpause"
    ] |c, _keys| {
        c.client_getname().await?;
        let nobody = ClientKill::new().id(i64::MAX).kind(ClientType::PubSub);
        same("CLIENT KILL of nobody", c.client_kill(nobody).await?, 0)?;
        same("CLIENT UNBLOCK of nobody", c.client_unblock(i64::MAX).await?, false)?;
        same("CLIENT UNBLOCK ERROR", c.client_unblock_error(i64::MAX).await?, false)?;
        c.client_pause(Duration::from_millis(1), ClientPause::Writes).await?;
        c.client_unpause().await?;
    }
    ["slowlog_get", "slowlog_len", "slowlog_reset"] |c, keys| {
        let (name, echo) = ("slowlog-log-slower-than", keys.key("slow"));
        let limit = c.config_get(name).await?.remove(name).unwrap_or_default();
        c.config_set(name, 0).await?;
        c.echo(&echo).await?;
        c.config_set(name, limit).await?;
        let slow = c.slowlog_get(100).await?;
        let found = slow.iter().find(|slow| slow.args == ["ECHO", echo.as_str()]);
        holds("SLOWLOG GET", found.is_some(), slow.len())?;
        holds("SLOWLOG LEN", c.slowlog_len().await? > 0, "0")?;
        c.slowlog_reset().await?;
    }
    [
        "latency_latest", "latency_history", "latency_reset", "latency_doctor", "latency_graph"
    ] |c, _keys| {
        let name = "latency-monitor-threshold";
        let limit = c.config_get(name).await?.remove(name).unwrap_or_default();
        c.config_set(name, 1).await?;
        let busy = "local t = redis.call('TIME') local s = t[1] * 1000000 + t[2]
                    repeat t = redis.call('TIME') until t[1] * 1000000 + t[2] > s + 5000";
        c.eval(busy, (), ()).await?;
        c.config_set(name, limit).await?;
        let latest = c.latency_latest().await?;
        let event = latest.iter().find(|event| event.max >= Duration::from_millis(5));
        let Some(event) = event else {
            return holds("LATENCY LATEST", false, latest);
        };
        let history = c.latency_history(&event.name).await?;
        holds("LATENCY HISTORY", history.iter().any(|(_, took)| *took == event.max), history)?;
        holds("LATENCY GRAPH", c.latency_graph(&event.name).await?.contains("high"), "nothing")?;
        holds("LATENCY DOCTOR", !c.latency_doctor().await?.is_empty(), "nothing")?;
        holds("LATENCY RESET", c.latency_reset(&event.name).await? == 1, "nothing")?;
        c.latency_reset(()).await?;
    }
    [
        "memory_usage", "memory_usage_samples", "memory_stats", "memory_doctor",
        "memory_malloc_stats", "memory_purge"
    ] |c, keys| {
        let k = &keys.key("k");
        same("MEMORY USAGE of a missing key", c.memory_usage(k).await?, None)?;
        c.set(k, "v").await?;
        let size = c.memory_usage(k).await?;
        holds("MEMORY USAGE", size.is_some_and(|size| size > 20), size)?;
        same("MEMORY USAGE SAMPLES", c.memory_usage_samples(k, 0).await?, size)?;
        let stats = c.memory_stats().await?;
        holds("MEMORY STATS", stats.contains_key("peak.allocated"), stats.len())?;
        holds("MEMORY DOCTOR", !c.memory_doctor().await?.is_empty(), "nothing")?;
        holds("MEMORY MALLOC-STATS", !c.memory_malloc_stats().await?.is_empty(), "nothing")?;
        c.memory_purge().await?;
    }
    [
        "acl_whoami", "acl_users", "acl_list", "acl_cat", "acl_cat_commands", "acl_getuser",
        "acl_setuser", "acl_deluser", "acl_dryrun", "acl_genpass", "acl_log", "acl_log_reset"
    ] |c, keys| {
        let user = &keys.key("user");
        same("ACL WHOAMI", c.acl_whoami().await?, "default")?;
        same("ACL GETUSER of nobody", c.acl_getuser(user).await?.is_some(), false)?;
        c.acl_setuser(user, ["on", ">secret", "~cache:*", "+get"]).await?;
        let rules = c.acl_getuser(user).await?.unwrap_or_default();
        holds("ACL GETUSER", rules.contains_key("passwords"), rules.len())?;
        let users = c.acl_users().await?;
        holds("ACL USERS", users.contains(user), users)?;
        let list = c.acl_list().await?;
        holds("ACL LIST", list.iter().any(|rules| rules.contains(user)), list.len())?;
        same("ACL DRYRUN", c.acl_dryrun(user, "GET", "cache:1").await?, None)?;
        let why = c.acl_dryrun(user, "GET", "other").await?;
        holds("ACL DRYRUN of another key", why.is_some(), why)?;
        same("ACL DELUSER", c.acl_deluser([user, &keys.key("nobody")]).await?, 1)?;
        let categories = c.acl_cat().await?;
        holds("ACL CAT", categories.iter().any(|name| name == "read"), categories)?;
        let commands = c.acl_cat_commands("read").await?;
        holds("ACL CAT of a category", commands.iter().any(|name| name == "get"), commands)?;
        same("ACL GENPASS", c.acl_genpass().await?.len(), 64)?;
        c.acl_log(10).await?;
        c.acl_log_reset().await?;
    }
}
