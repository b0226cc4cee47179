// SPDX-License-Identifier: GPL-2.0

//! PCI devices of our drivers.

use std::fs;
use std::io::{Error, Result};

/// A PCI device that is bound to a driver.
pub struct Pci {
    /// Its name on the bus.
    name: String,
    /// Where the driver is in sysfs.
    driver: String,
}

impl Pci {
    /// Returns the device that is bound to the driver.
    pub fn find(driver: &str) -> Result<Self> {
        let driver = format!("/sys/bus/pci/drivers/{driver}");
        let names = fs::read_dir(&driver)?.map(|entry| {
            entry?
                .file_name()
                .into_string()
                .map_err(|_| Error::other("a name"))
        });
        let names = names.collect::<Result<Vec<_>>>()?;
        match names.into_iter().find(|name| name.contains(':')) {
            Some(name) => Ok(Self { name, driver }),
            None => Err(Error::other(format!("{driver}: no device"))),
        }
    }

    pub fn unbind(&self) -> Result<()> {
        fs::write(format!("{}/unbind", self.driver), &self.name)
    }

    pub fn bind(&self) -> Result<()> {
        fs::write(format!("{}/bind", self.driver), &self.name)
    }

    /// Takes the device off its bus, as if it was unplugged.
    pub fn remove(&self) -> Result<()> {
        fs::write(format!("/sys/bus/pci/devices/{}/remove", self.name), "1")
    }

    /// Finds all devices again, and binds them to their drivers.
    pub fn rescan() -> Result<()> {
        fs::write("/sys/bus/pci/rescan", "1")
    }
}
