//! Gwanje's desktop app: a window on the engine. Nothing is decided here; commands only translate.

mod app;
mod args;
mod commands;
#[cfg(test)]
mod contract;
mod demo;
mod preferences;
mod sound;
mod sounding;
mod startup;

use anyhow::{Context, Result};
use app::App;
use args::{Args, LogFormat};
use clap::Parser;
use gwanje_engine::dialect::Dialect;
use gwanje_engine::load_dialect;
use std::process::ExitCode;
use std::sync::Arc;
use tauri::{Manager, RunEvent, WebviewUrl, WebviewWindowBuilder};
use tracing_subscriber::EnvFilter;

/// The window's first size: a dispatcher's board with its details beside it.
const SIZE: (f64, f64) = (1440.0, 900.0);
/// Below this the columns would overlap.
const MIN_SIZE: (f64, f64) = (960.0, 540.0);

/// A dialect that can't be used, as for any other argument.
const EXIT_USAGE: u8 = 2;

fn main() -> ExitCode {
    let args = Args::parse();
    log_to_stderr(args.log_format);
    // Before any window: whoever wrote the file sits at a terminal.
    let dialect = match args.dialect.as_deref().map(load_dialect).transpose() {
        Ok(dialect) => dialect,
        Err(error) => {
            eprintln!("gwanje: {error}");
            return ExitCode::from(EXIT_USAGE);
        }
    };
    match run(args, dialect) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gwanje: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args, dialect: Option<Arc<Dialect>>) -> Result<()> {
    render_without_gpu();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("starting the runtime")?;
    tauri::async_runtime::set(runtime.handle().clone());
    let sounds = sound::Sounds::start().context("starting the thread for sounds")?;
    let app = tauri::Builder::default()
        .invoke_handler(commands::table::handler())
        .setup(move |handle| {
            let profile = handle.path().app_local_data_dir()?.join("profiles").join(args.profile());
            std::fs::create_dir_all(&profile)?;
            let title = match &dialect {
                Some(dialect) => format!("{} — 관제 Gwanje", dialect.name),
                None => "관제 Gwanje".to_owned(),
            };
            handle.manage(App::new(args, dialect.clone(), profile, sounds));
            end_when_asked(handle.handle().clone());
            let window = WebviewWindowBuilder::new(handle, "board", WebviewUrl::default())
                .title(title)
                .inner_size(SIZE.0, SIZE.1)
                .min_inner_size(MIN_SIZE.0, MIN_SIZE.1)
                .zoom_hotkeys_enabled(true);
            startup::traced(window).build()?;
            Ok(())
        })
        .build(tauri::generate_context!())
        .context("opening the window")?;
    app.run(|handle, event| {
        if matches!(event, RunEvent::Exit) {
            tauri::async_runtime::block_on(handle.state::<App>().stop());
        }
    });
    Ok(())
}

/// Ends the app as closing its window does, when a session manager or a terminal asks for it.
fn end_when_asked(handle: tauri::AppHandle) {
    #[cfg(unix)]
    tauri::async_runtime::spawn(async move {
        use tokio::signal::unix::{SignalKind, signal};
        let listening = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
        let (Ok(mut term), Ok(mut interrupt)) = listening else {
            tracing::warn!("signals can't be listened to; close the window to end the app");
            return;
        };
        tokio::select! {
            _ = term.recv() => {}
            _ = interrupt.recv() => {}
        }
        handle.exit(0);
    });
    #[cfg(not(unix))]
    drop(handle);
}

/// Without a GPU the webview draws twice as many frames when it leaves DMA buffers alone; with a GPU that would cost.
/// It does so only when the person has not decided. The app starts itself again with the variable set, since setting it
/// in a running process is not safe.
fn render_without_gpu() {
    const VARIABLE: &str = "WEBKIT_DISABLE_DMABUF_RENDERER";
    let has_gpu = std::path::Path::new("/dev/dri").exists();
    if !cfg!(target_os = "linux") || has_gpu || std::env::var_os(VARIABLE).is_some() {
        return;
    }
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt;
        let Ok(this) = std::env::current_exe() else { return };
        let error =
            std::process::Command::new(this).args(std::env::args_os().skip(1)).env(VARIABLE, "1").exec();
        tracing::warn!(%error, "starting again for a machine without a GPU failed; going on with fewer frames");
    }
}

fn log_to_stderr(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().init(),
    }
}
