//! `top`: the live table.

use crate::{
    exit::Exit,
    failure::Failure,
    paint, report, standard, stop, time,
    top::{self, App, Board, Key, Screen},
};
use ratatui::{
    Terminal,
    backend::TestBackend,
    crossterm::{
        event::{self, Event, KeyCode, KeyEventKind, KeyModifiers},
        style,
    },
    layout::Rect,
};
use std::{
    io::{self, IsTerminal},
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

/// Show all segments in a live table: rates, heartbeats, missed values, processor time.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Measure anew so often; a bare number is milliseconds.
    #[arg(
        long,
        value_name = time::VALUE,
        default_value = "1s",
        value_parser = time::milliseconds(50..=60_000)
    )]
    every: Duration,
    /// Draw one screen of 80 x 24 into an SVG file instead (`-` for standard output), and end.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// Short looks between two refreshes.
const GLANCES: u32 = 20;

/// Runs it.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    stop::prepare();
    // Later a folder that cannot be listed has no segments.
    report::names().map_err(report::unlisted)?;
    let every = args.every;
    if let Some(path) = &args.svg {
        let picture = one_screen(every)?;
        standard::write(path, &picture)?;
        return Ok(Exit::Fine);
    }
    if !io::stdout().is_terminal() {
        return Err(Failure::new("top needs a terminal; `eshmctl list --json` is for programs"));
    }
    style::force_color_output(paint::is_on());
    let mut screen = Screen::take()?;
    live(&mut screen, every)?;
    Ok(Exit::Fine)
}

fn live(screen: &mut Screen, every: Duration) -> Result<(), Failure> {
    let (mut board, mut app) = (Board::new(), App::new());
    board.refresh();
    let mut next = Instant::now() + every.min(Duration::from_millis(250)); // the first figures soon
    let (mut glance, mut measured) = (Instant::now(), false);
    while !app.done && !stop::asked() {
        if screen.has_resumed() {
            // Not `clear`, which asks the terminal where its cursor is, and waits for the answer.
            let size = screen.0.size()?;
            screen.0.resize(Rect::new(0, 0, size.width, size.height))?;
        }
        if measured {
            screen.0.draw(|frame| top::draw(frame, &app))?;
        }
        // Until something is to be drawn.
        loop {
            let now = Instant::now();
            if now >= next {
                app.take(board.refresh());
                app.others = board.others;
                measured = true;
                next = now + every;
                break;
            }
            if now >= glance {
                board.glance();
                glance = now + every / GLANCES;
            }
            if event::poll(glance.min(next).saturating_duration_since(now))?
                && pressed(&event::read()?, &mut app, screen)
            {
                break;
            }
            if stop::asked() || screen.resumes() {
                break;
            }
        }
    }
    Ok(())
}

/// Acts on an event; true if the screen is to be drawn again.
fn pressed(event: &Event, app: &mut App, screen: &Screen) -> bool {
    let key = match event {
        Event::Key(key) if key.kind == KeyEventKind::Press => key,
        Event::Resize(..) => return true,
        _ => return false,
    };
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    let meant = match key.code {
        KeyCode::Char('z') if control => {
            screen.pause();
            return true;
        }
        KeyCode::Char('c') if control => Key::Letter('q'),
        KeyCode::Char(letter) => Key::Letter(letter),
        KeyCode::Down => Key::Down,
        KeyCode::Up => Key::Up,
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc | KeyCode::Backspace => Key::Back,
        _ => return false,
    };
    app.press(meant);
    true
}

fn one_screen(every: Duration) -> Result<String, Failure> {
    let (mut board, mut app) = (Board::new(), App::new());
    board.refresh();
    for _ in 0..GLANCES {
        thread::sleep(every / GLANCES);
        board.glance();
    }
    app.take(board.refresh());
    app.others = board.others;
    let Ok(mut terminal) = Terminal::new(TestBackend::new(80, 24));
    let Ok(_) = terminal.draw(|frame| top::draw(frame, &app));
    Ok(top::svg(terminal.backend().buffer()))
}
