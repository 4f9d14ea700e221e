//! Averages the samples that the other side sends, and answers each with the average so far.
//!
//!     average [NAME] [master|slave]

use eshm::{Endpoint, Error, Role};
use std::time::Duration;

fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_else(|| "average".into());
    let role = if arguments.next().as_deref() == Some("master") { Role::Master } else { Role::Slave };
    let end = Endpoint::builder(name).role(role).open()?;

    let (mut sum, mut count) = (0.0, 0_u32);
    while count < 10 {
        let mut message = [0; 12]; // the sample's number, from 1 on, and the sample
        end.read_timeout(&mut message, Duration::from_secs(20))?;
        let (number, sample) = message.split_at(4);
        let number = u32::from_ne_bytes(number.try_into().expect("four bytes"));
        if number == count + 1 {
            sum += f64::from_ne_bytes(sample.try_into().expect("eight bytes"));
            count = number;
        } // else it was sent again
        let average = sum / f64::from(count.max(1));
        end.write(&[&count.to_ne_bytes()[..], &average.to_ne_bytes()[..]].concat())?;
    }
    println!("the average of {count} samples is {}", sum / f64::from(count));
    Ok(())
}
